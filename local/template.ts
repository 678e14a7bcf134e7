import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { calleeOf } from './aliases.ts';
import { readCors, readRoutes, type CorsModel, type RouteModel } from './api-template.ts';
import type { Assembly, Asset } from './assembly.ts';
import { Failure } from './failure.ts';
import { queueArn, resolveIntrinsics } from './intrinsics.ts';
import { checkKnown, type Resource } from './known-resources.ts';
import { joinStacks } from './stacks.ts';

export interface FunctionModel {
  id: string;
  /** The name under which its log and its messages appear. */
  name: string;
  codeDir: string;
  handler: string;
  environment: Record<string, string>;
  memoryMb: number;
  timeoutMs: number;
}

export interface ScheduleModel {
  id: string;
  periodMs: number;
  targets: { functionId: string; input: string; waitMsMax: number }[];
}

export interface QueueModel {
  id: string;
  arn: string;
  /** As SQS names and writes them: every value a string. */
  attributes: Record<string, string>;
}

export interface EventSourceModel {
  queueId: string;
  functionId: string;
  batchSize: number;
  concurrencyMax: number;
  reportsItemFailures: boolean;
}

/** What the templates of a stage deploy, as far as one machine runs it. */
export interface SystemModel {
  functions: FunctionModel[];
  routes: RouteModel[];
  cors: CorsModel | undefined;
  schedules: ScheduleModel[];
  queues: QueueModel[];
  eventSources: EventSourceModel[];
}

type Properties = Record<string, unknown>;

/** What CloudFormation fills in where the template is silent. */
const DEFAULT_MEMORY_MB = 128;
const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_BATCH_SIZE = 10;
const DEFAULT_EVENT_AGE_SECONDS = 86_400;
/** SQS hands out at most this many messages at a time; a larger batch would need a batching window. */
const RECEIVE_MAX = 10;
const UNLIMITED_CONCURRENCY = 1000;
const PERIOD_UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Reads what an assembly's templates deploy.
 * @throws Failure that names the resource and the property that the local run does not know, or can't run as AWS would.
 */
export function readTemplate(assembly: Assembly): SystemModel {
  for (const template of assembly.templates) checkKnown(template);
  const resources = joinStacks(assembly.templates);
  const reader = new TemplateReader(resources);
  const functions = reader.all('AWS::Lambda::Function').map(([id]) => readFunction(id, reader, assembly.assets));
  const queues = reader.all('AWS::SQS::Queue').map(([id]) => readQueue(id, reader));
  const eventSources = reader.all('AWS::Lambda::EventSourceMapping').flatMap(([id]) => readEventSource(id, reader));
  const retryless = readRetryless(reader);
  const schedules = reader.all('AWS::Events::Rule').flatMap(([id]) => readSchedule(id, reader, retryless));
  return { functions: distinctNames(functions), routes: readRoutes(reader), cors: readCors(reader), schedules, queues, eventSources };
}

/** Gives out the run properties of resources, with their intrinsics resolved. */
export class TemplateReader {
  readonly resources: Record<string, Resource>;

  constructor(resources: Record<string, Resource>) {
    this.resources = resources;
  }

  all(type: string): [string, Resource][] {
    return Object.entries(this.resources).filter(([, resource]) => resource.Type === type);
  }

  property(id: string, name: string): unknown {
    return resolveIntrinsics(this.resources[id]?.Properties?.[name], this.resources, `${id}.${name}`);
  }

  text(id: string, name: string): string {
    const value = this.property(id, name);
    if (typeof value !== 'string') throw new Failure(`The local run wants a text as ${name} of ${id}: mend the template.`);
    return value;
  }

  number(id: string, name: string, otherwise: number): number {
    const value = this.property(id, name) ?? otherwise;
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new Failure(`The local run wants a number as ${name} of ${id}: mend the template.`);
    }
    return value;
  }

  /** Checks that a property has the one value that the local run can offer. */
  only(id: string, name: string, expected: unknown): void {
    const value = this.property(id, name);
    if (JSON.stringify(value) !== JSON.stringify(expected)) {
      throw new Failure(
        `The local run knows only ${JSON.stringify(expected)} as ${name} of ${id} (${this.resources[id]?.Type}), ` +
          `not ${JSON.stringify(value)}: teach it in local/template.ts, or change the stack.`,
      );
    }
  }

  /** The logical id of the resource of a type that a reference (an ARN, or what Ref gives) means. */
  target(id: string, name: string, reference: unknown, type: string, toArn: (id: string) => string): string {
    const found = this.all(type).find(([candidate]) => reference === candidate || reference === toArn(candidate));
    if (found === undefined) throw new Failure(`${name} of ${id} names no ${type} of the template: mend the template.`);
    return found[0];
  }

  functionOf(id: string, name: string, reference = this.property(id, name)): string {
    return calleeOf(this, id, name, reference).functionId;
  }
}

function readFunction(id: string, reader: TemplateReader, assets: Map<string, Asset>): FunctionModel {
  reader.only(id, 'Runtime', 'nodejs24.x');
  const code = reader.resources[id]?.Properties?.Code as { S3Key?: string } | undefined;
  const asset = assets.get(String(code?.S3Key));
  if (asset === undefined) throw new Failure(`The code of ${id} is not in the cloud assembly: synthesize with bundling.`);
  const handler = reader.text(id, 'Handler');
  const file = join(asset.dir, handler.slice(0, handler.lastIndexOf('.')));
  if (!['.mjs', '.js', '.cjs'].some((extension) => existsSync(file + extension))) {
    throw new Failure(`The code of ${id} has no file for its handler ${handler}: synthesize with bundling.`);
  }
  const { Variables: variables = {} } = (reader.property(id, 'Environment') ?? {}) as { Variables?: Properties };
  const environment = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
  return {
    id,
    // A display name is a path of constructs, such as join/Function/Code.
    name: asset.displayName?.split('/').findLast((part) => part !== 'Code' && part !== 'Function') ?? id,
    codeDir: asset.dir,
    handler,
    environment,
    memoryMb: reader.number(id, 'MemorySize', DEFAULT_MEMORY_MB),
    timeoutMs: reader.number(id, 'Timeout', DEFAULT_TIMEOUT_SECONDS) * 1000,
  };
}

/** Two functions may share their code or their short name: those go by their logical ids. */
function distinctNames(functions: FunctionModel[]): FunctionModel[] {
  const uses = Map.groupBy(functions, ({ name }) => name);
  return functions.map((model) => ((uses.get(model.name)?.length ?? 0) > 1 ? { ...model, name: model.id } : model));
}

function readSchedule(id: string, reader: TemplateReader, retryless: ReadonlySet<string>): ScheduleModel[] {
  const state = reader.property(id, 'State') ?? 'ENABLED';
  const expression = reader.text(id, 'ScheduleExpression');
  const [, count, unit] = /^rate\(([1-9]\d*) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (count === undefined || unit === undefined) {
    throw new Failure(`The local run knows only rate(…) as ScheduleExpression, not ${expression} of ${id}: change the stack.`);
  }
  const targets = (reader.property(id, 'Targets') ?? []) as Properties[];
  const model = {
    id,
    periodMs: Number(count) * (PERIOD_UNIT_MS[unit] ?? 0),
    targets: targets.map((target) => {
      const retry = (target.RetryPolicy ?? {}) as { MaximumRetryAttempts?: number; MaximumEventAgeInSeconds?: number };
      if (retry.MaximumRetryAttempts !== 0 || typeof target.Input !== 'string') {
        throw new Failure(`The local run knows only targets with an Input and without retries, not those of ${id}: change the stack.`);
      }
      const { functionId, qualifier } = calleeOf(reader, id, 'Targets', target.Arn);
      if (!retryless.has(`${functionId}:${qualifier}`)) {
        throw new Failure(`The local run does not retry events and ${functionId} (${qualifier}) has 2 retries: set its retryAttempts to 0.`);
      }
      return {
        functionId,
        input: target.Input,
        waitMsMax: (retry.MaximumEventAgeInSeconds ?? DEFAULT_EVENT_AGE_SECONDS) * 1000,
      };
    }),
  };
  return state === 'ENABLED' ? [model] : [];
}

/** Which functions, under which name, get an event only once. Lambda itself tries it twice more unless it is told not to; the local run never does. */
function readRetryless(reader: TemplateReader): Set<string> {
  return new Set(
    reader.all('AWS::Lambda::EventInvokeConfig').map(([id]) => {
      reader.only(id, 'MaximumRetryAttempts', 0);
      return `${reader.functionOf(id, 'FunctionName')}:${reader.text(id, 'Qualifier')}`;
    }),
  );
}

function readQueue(id: string, reader: TemplateReader): QueueModel {
  const attributes: Record<string, string> = {};
  for (const name of ['VisibilityTimeout', 'MessageRetentionPeriod']) {
    const value = reader.property(id, name);
    if (value !== undefined) attributes[name] = JSON.stringify(value);
  }
  const redrive = reader.property(id, 'RedrivePolicy') as { deadLetterTargetArn?: string; maxReceiveCount?: number } | undefined;
  if (redrive !== undefined) {
    reader.target(id, 'RedrivePolicy', redrive.deadLetterTargetArn, 'AWS::SQS::Queue', queueArn);
    attributes.RedrivePolicy = JSON.stringify(redrive);
  }
  return { id, arn: queueArn(id), attributes };
}

function readEventSource(id: string, reader: TemplateReader): EventSourceModel[] {
  const queueArnGiven = reader.text(id, 'EventSourceArn');
  const batchSize = reader.number(id, 'BatchSize', DEFAULT_BATCH_SIZE);
  if (batchSize < 1 || batchSize > RECEIVE_MAX) {
    throw new Failure(`The local run knows batch sizes from 1 to ${RECEIVE_MAX}, not the ${batchSize} of ${id}: change the stack.`);
  }
  const responseTypes = (reader.property(id, 'FunctionResponseTypes') ?? []) as string[];
  if (responseTypes.some((type) => type !== 'ReportBatchItemFailures')) {
    throw new Failure(`The local run knows only ReportBatchItemFailures as FunctionResponseTypes of ${id}: change the stack.`);
  }
  const scaling = (reader.property(id, 'ScalingConfig') ?? {}) as { MaximumConcurrency?: number };
  const model = {
    queueId: reader.target(id, 'EventSourceArn', queueArnGiven, 'AWS::SQS::Queue', queueArn),
    functionId: reader.functionOf(id, 'FunctionName'),
    batchSize,
    concurrencyMax: scaling.MaximumConcurrency ?? UNLIMITED_CONCURRENCY,
    reportsItemFailures: responseTypes.length > 0,
  };
  return reader.property(id, 'Enabled') === false ? [] : [model];
}
