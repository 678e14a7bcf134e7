import { RootConstruct } from 'constructs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { environments } from '../../lambda/config.ts';
import { PACE_BOUNDS } from '../../lib/bounds.ts';
import { readStage } from '../../lib/context.ts';
import { IN_FLIGHT_BATCHES, stages, type TokenAuth } from '../../lib/stages.ts';

function read(context: Record<string, unknown>) {
  const { node } = new RootConstruct();
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  return readStage(node);
}

const issuer = 'https://issuer.example.com';
const alarmEmail = 'on-call@example.com';
const alarms = { emails: [alarmEmail], topicArn: '' };
const auth = { ...(stages.prod.auth as TokenAuth), issuer, audience: ['app'] };

describe('the stage', () => {
  test('is dev unless another is asked for', () => {
    expect(read({})).toEqual({ name: 'dev', stage: stages.dev });
    expect(read({ stage: 'prod', issuer, audience: 'app', alarmEmail })).toEqual({ name: 'prod', stage: { ...stages.prod, auth, alarms } });
  });

  test.each(['staging', 'toString', '', 'DEV', 7, ['dev']])('%j does not exist, and the message says which do', (stage) => {
    expect(() => read({ stage })).toThrow(/^There is no stage .*: choose one of dev, prod \(-c stage=dev\)\.$/);
  });
});

describe('the pace', () => {
  test('is overridden value by value, as a string or as a number', () => {
    const { stage } = read({ stage: 'prod', issuer, audience: 'app', alarmEmail, batchSize: '250', leaseMs: 5000 });
    expect(stage).toEqual({
      ...stages.prod,
      auth,
      alarms,
      pace: { ...stages.prod.pace, batchSize: 250, maxInFlight: 250 * IN_FLIGHT_BATCHES, leaseMs: 5000 },
    });
  });

  test('keeps a limit of users in flight that is given beside the batch size', () => {
    expect(read({ batchSize: '250', maxInFlight: '300' }).stage.pace.maxInFlight).toBe(300);
  });

  const keys = Object.keys(PACE_BOUNDS) as (keyof typeof PACE_BOUNDS)[];

  describe.each(keys)('%s', (key) => {
    const [min, max] = PACE_BOUNDS[key];

    test.each([min - 1, max + 1, '', ' 100', '1e2', '0x64', '-1', '100.5', 100.5, true, null, ['100']])('refuses %j in one sentence', (value) => {
      const sentence = new RegExp(`^The context value ${key} is .+, but must be a whole number from ${min} to ${max} \\(-c ${key}=${min}\\)\\.$`);
      expect(() => read({ [key]: value })).toThrow(sentence);
    });

    test('may be what the functions accept, no more and no less', () => {
      const variable = { batchSize: 'BATCH_SIZE', drainIntervalMs: 'DRAIN_INTERVAL_MS', maxInFlight: 'MAX_IN_FLIGHT', leaseMs: 'LEASE_MS' } as const;
      const schema = environments['drain-loop'].entries[variable[key]];
      const accepted = [min - 1, min, max, max + 1].map((value) => v.is(schema, String(value)));
      expect(accepted).toEqual([false, true, true, false]);
    });
  });
});

describe('the sizes', () => {
  test('that contradict each other are refused, in a sentence that names the stage', () => {
    expect(() => read({ maxInFlight: 99 })).toThrow(/^The sizes of the stage dev contradict each other: pace\.maxInFlight is 99, .*$/);
    expect(() => read({ batchSize: 1000, maxInFlight: 1_000_000 })).toThrow(/^The sizes of the stage dev contradict each other: promotionsAtOnce 5 with pace\.maxInFlight 1000000 .*$/);
  });

  test('are checked with the lease of the stage, as a local run may have a shorter one', () => {
    expect(read({ leaseMs: 1000, batchSize: 1000 }).stage.pace.leaseMs).toBe(1000);
  });
});
