import type { Node } from 'constructs';
import { AUTH_CONTEXT_KEYS, checkCorsOrigins, quoted, readAuth } from './callers.ts';
import { ALARM_CONTEXT_KEYS, readAlarms } from './observability-context.ts';
import { PACE_BOUNDS } from './bounds.ts';
import { contradictions } from './sizes.ts';
import { IN_FLIGHT_BATCHES, stages, type Pace, type Stage, type StageName } from './stages.ts';

/** Everything that can be given by `-c`. */
export const CONTEXT_KEYS: readonly string[] = ['stage', ...Object.keys(PACE_BOUNDS), ...AUTH_CONTEXT_KEYS, ...ALARM_CONTEXT_KEYS];

const defaultStage: StageName = 'dev';

/**
 * The stage that the CDK context asks for: `stage` (dev), whose tokens it takes (`issuer`, `audience`), whom it wakes (`alarmEmail`, `alarmTopicArn`) and, for local runs and load tests,
 * its pace (`batchSize`, `drainIntervalMs`, `maxInFlight`, `leaseMs`; `maxInFlight` follows `batchSize` unless it is given too). A lease may be shorter
 * than the visibility timeout of a message there: users are then sent twice, which costs time and changes nothing.
 * @throws Error in one sentence that names the value that is wrong and what may stand there, or in one for each contradiction of the sizes.
 */
export function readStage(context: Node): { name: StageName; stage: Stage } {
  const name: unknown = context.tryGetContext('stage') ?? defaultStage;
  if (!isStageName(name)) {
    throw new Error(`There is no stage ${quoted(name)}: choose one of ${Object.keys(stages).join(', ')} (-c stage=${defaultStage}).`);
  }
  const { pace, corsOrigins } = stages[name];
  checkCorsOrigins(name, corsOrigins);
  const batchSize = readWholeNumber(context, 'batchSize');
  const overridden: Pace = {
    batchSize: batchSize ?? pace.batchSize,
    drainIntervalMs: readWholeNumber(context, 'drainIntervalMs') ?? pace.drainIntervalMs,
    maxInFlight: readWholeNumber(context, 'maxInFlight') ?? (batchSize ? IN_FLIGHT_BATCHES * batchSize : pace.maxInFlight),
    leaseMs: readWholeNumber(context, 'leaseMs') ?? pace.leaseMs,
  };
  const stage = { ...stages[name], auth: readAuth(context, name, stages[name].auth), alarms: readAlarms(context, name, stages[name].alarms), pace: overridden };
  checkSizes(name, { ...stage, pace: { ...overridden, leaseMs: pace.leaseMs } });
  return { name, stage };
}

function checkSizes(name: StageName, stage: Stage): void {
  const found = contradictions(stage);
  if (found.length > 0) throw new Error(found.map((sentence) => `The sizes of the stage ${name} contradict each other: ${sentence}`).join('\n'));
}

function isStageName(value: unknown): value is StageName {
  return typeof value === 'string' && Object.hasOwn(stages, value);
}

/** The command line hands every value over as a string, cdk.json may hold a number. */
function readWholeNumber(context: Node, key: keyof Pace): number | undefined {
  const value: unknown = context.tryGetContext(key);
  if (value === undefined) return undefined;
  const [min, max] = PACE_BOUNDS[key];
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`The context value ${key} is ${quoted(value)}, but must be a whole number from ${min} to ${max} (-c ${key}=${min}).`);
}
