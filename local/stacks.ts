import { Failure } from './failure.ts';
import type { Resource } from './known-resources.ts';

/** A stack's template, as CloudFormation writes it. */
export type StackTemplate = Record<string, unknown>;

interface Output {
  Value?: unknown;
  Export?: { Name?: unknown };
}

/** Deeper nesting than any template has; a bound against a template that was made by a mistake. */
const NESTING_MAX = 64;

/**
 * The resources of several stacks as if they stood in one: what a stack imports from another is put in its place.
 * @throws Failure if two stacks have a resource of the same logical id, or one imports what none exports
 */
export function joinStacks(templates: readonly StackTemplate[]): Record<string, Resource> {
  const exported = new Map(
    templates
      .flatMap(({ Outputs: outputs = {} }) => Object.values(outputs as Record<string, Output>))
      .flatMap((output) => (typeof output.Export?.Name === 'string' ? [[output.Export.Name, output.Value] as const] : [])),
  );
  const joined: Record<string, Resource> = {};
  for (const { Resources: resources = {} } of templates) {
    for (const [id, resource] of Object.entries(resources as Record<string, Resource>)) {
      if (Object.hasOwn(joined, id)) throw new Failure(`Two stacks have a resource ${id}, which the local run can't tell apart: rename one of its constructs.`);
      joined[id] = withImports(resource, exported, id) as Resource;
    }
  }
  return joined;
}

function withImports(value: unknown, exported: ReadonlyMap<string, unknown>, where: string, depth = 0): unknown {
  if (depth > NESTING_MAX) throw new Failure(`${where} is nested deeper than ${NESTING_MAX} levels: simplify the template.`);
  if (Array.isArray(value)) return value.map((child) => withImports(child, exported, where, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Fn::ImportValue') {
    if (typeof argument !== 'string' || !exported.has(argument)) {
      throw new Failure(`${where} imports ${JSON.stringify(argument)}, which no stack exports: synthesize all stacks of a stage together.`);
    }
    // As it stands in the stack that exports it, whose resources are called the same here.
    return exported.get(argument);
  }
  return Object.fromEntries(entries.map(([key, child]) => [key, withImports(child, exported, where, depth + 1)]));
}
