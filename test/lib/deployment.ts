import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type CfnElement } from 'aws-cdk-lib/core';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import cdkJson from '../../cdk.json' with { type: 'json' };
import type { FunctionName } from '../../lambda/config.ts';
import { LIVE_ALIAS } from '../../lib/queue-function.ts';
import { addStacks } from '../../lib/stacks.ts';
import { RULE_TARGETS_MAX, stages, type Stage, type TokenAuth } from '../../lib/stages.ts';
import { joinStacks } from '../../local/stacks.ts';

/** prod with what only its owner knows: whose tokens it takes, and who is woken. */
export const prod: Stage = { ...stages.prod, auth: { ...(stages.prod.auth as TokenAuth), issuer: 'https://issuer.example.com', audience: ['app'] }, alarms: { emails: ['on-call@example.com'], topicArn: '' } };

/** The stages that are deployed, and one that has as many shards as there can be. */
export const deployments: readonly (readonly [name: string, stage: Stage])[] = [
  ['dev', stages.dev],
  ['prod', prod],
  ['prod in many shards', { ...prod, shards: RULE_TARGETS_MAX }],
];

/** A value of a template: plain, or an intrinsic function that stands for one. */
export type Value = string | number | boolean | Value[] | { [key: string]: Value };

/** A value that is known to be an object. */
export type Shape = { readonly [key: string]: Value };

export interface Resource {
  readonly Type: string;
  readonly Properties: Shape;
  readonly DependsOn?: Value;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly UpdatePolicy?: Value;
}

type StackJson = { readonly Resources: Readonly<Record<string, Resource>> };

export interface Deployment {
  readonly warnings: readonly string[];
  /** The two stacks by themselves. */
  readonly stacks: ReturnType<typeof addStacks>;
  readonly templates: Readonly<Record<'data' | 'service', StackJson>>;
  /** The resources of both stacks, with what one imports from the other put in its place. */
  readonly resources: Readonly<Record<string, Resource>>;
  /** The resource that a Ref or Fn::GetAtt points to. @throws Error if there is none. */
  at(value: Value | undefined): Resource & { readonly id: string };
  /** The resources of a type, by logical id. */
  ofType(type: string): Record<string, Resource>;
  /** The one resource of a type. @throws Error if there is none or more than one. */
  only(type: string): Resource & { readonly id: string };
  /** The Lambda function of this name. */
  lambda(name: FunctionName): Resource & { readonly id: string };
  /** The logical id of the function behind what calls it by its live alias, undefined for anything else. */
  called(value: Value | undefined): string | undefined;
}

export const functionNames = ['join', 'status', 'init-stock', 'info', 'control', 'drain-loop', 'issuer'] as const satisfies FunctionName[];

/** Synthesizes a stage as `cdk synth` would, but without bundles and CDK's own checks of the template, which take seconds. */
export function deploy(stage: Stage): Deployment {
  const outdir = mkdtempSync(join(tmpdir(), 'coupon-queue-synth-'));
  try {
    const context = { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] };
    const app = new App({ outdir, context, analyticsReporting: false, builtinCloudFormationValidation: false });
    const stacks = addStacks(app, 'coupon-queue-test', stage);
    const both = [stacks.data, stacks.service];
    const [data, service] = both.map((stack) => Template.fromStack(stack).toJSON()) as [StackJson, StackJson];
    const resources = joinStacks([data, service]) as Record<string, Resource>;
    const warnings = both.flatMap((stack) => Annotations.fromStack(stack).findWarning('*', Match.anyValue()));

    const at = (id: string | undefined) => {
      const resource = resources[id ?? ''];
      if (!id || !resource) throw new Error(`The templates have no resource ${id}.`);
      return { id, ...resource };
    };
    const ofType = (type: string) => Object.fromEntries(Object.entries(resources).filter(([, { Type }]) => Type === type));
    return {
      warnings: warnings.map(({ entry }) => JSON.stringify(entry.data)),
      stacks,
      templates: { data, service },
      resources,
      at: (value) => at(target(value)),
      ofType,
      only(type) {
        const [first, second] = Object.entries(ofType(type));
        if (!first || second) throw new Error(`Expected one ${type}, found ${Object.keys(ofType(type)).length}.`);
        return { id: first[0], ...first[1] };
      },
      lambda(name) {
        const construct = stacks.service.node.findChild(name).node.findAll().find((child) => child instanceof lambda.Function);
        if (!construct) throw new Error(`There is no function ${name}.`);
        return at(String(stacks.service.resolve(stacks.service.getLogicalId(construct.node.defaultChild as CfnElement))));
      },
      called(value) {
        // An event source names its function in parts of the alias's ARN.
        const [, name = ''] = /"Ref":"([^"]+)"/.exec(JSON.stringify(value ?? null)) ?? [];
        const alias = resources[name];
        return alias?.Type === 'AWS::Lambda::Alias' && alias.Properties['Name'] === LIVE_ALIAS ? target(alias.Properties['FunctionName']) : undefined;
      },
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** What a function finds in its environment. */
export const variablesOf = ({ Properties }: Resource) => (Properties['Environment'] as Shape)['Variables'] as Shape;

/** The statements of a policy of any kind. */
export const statementsOf = ({ Properties }: Resource) => (Properties['PolicyDocument'] as Shape)['Statement'] as Shape[];

/** Who may call a function, and on whose behalf. */
export const callersOf = (deployment: Deployment, name: FunctionName) =>
  Object.values(deployment.ofType('AWS::Lambda::Permission'))
    .filter(({ Properties }) => deployment.called(Properties['FunctionName']) === deployment.lambda(name).id)
    .map(({ Properties }) => ({ principal: Properties['Principal'], source: rendered(Properties['SourceArn']) }));

/** The logical id that a Ref or Fn::GetAtt points to, undefined for anything else. */
export function target(value: Value | undefined): string | undefined {
  if (typeof value !== 'object' || Array.isArray(value)) return undefined;
  const attribute = value['Fn::GetAtt'];
  const id = Array.isArray(attribute) ? attribute[0] : value['Ref'];
  return typeof id === 'string' ? id : undefined;
}

/** The string that CloudFormation might make of a value: joins are joined, what is only known on deployment gets a plausible stand-in. */
export function rendered(value: Value | undefined): string {
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(rendered).join('');
  const join = value['Fn::Join'];
  if (Array.isArray(join)) return (join[1] as Value[]).map(rendered).join(rendered(join[0]));
  const attribute = value['Fn::GetAtt'];
  if (Array.isArray(attribute)) return rendered(attribute[1]).endsWith('Port') ? '6379' : `${rendered(attribute[0])}.example.com`;
  const reference = rendered(value['Ref']);
  return reference.includes('Queue') ? `https://sqs.eu-west-1.amazonaws.com/123456789012/${reference}` : reference;
}
