import { expect, test } from 'vitest';
import type { WarmPeriod } from '../../lib/stages.ts';
import { checkKnown } from '../../local/known-resources.ts';
import { deploy, prod, rendered, type Shape } from './deployment.ts';

const timeZone = 'Asia/Seoul';
const friday: WarmPeriod = { name: 'friday', from: 'cron(30 11 ? * FRI *)', until: 'cron(0 14 ? * FRI *)', timeZone, environments: { join: 200, status: 400 } };
const launch: WarmPeriod = { name: 'launch', from: 'at(2026-12-01T11:30:00)', until: 'at(2026-12-01T14:00:00)', timeZone, environments: { join: 300 } };

const type = 'AWS::ApplicationAutoScaling::ScalableTarget';
const deployment = deploy({ ...prod, warm: [friday, launch] });
const targets = Object.values(deployment.ofType(type)).map(({ Properties }) => ({ of: deployment.called(Properties['ResourceId']), ...Properties }) as Shape);
const targetOf = (name: 'join' | 'status') => targets.find(({ of }) => of === deployment.lambda(name).id)!;

test('no stage keeps anything warm unless it says so', () => {
  expect(deploy(prod).ofType(type)).toEqual({});
});

test('only the functions of the periods are kept warm, under the alias by which they are called', () => {
  expect(targets).toHaveLength(2);
  for (const name of ['join', 'status'] as const) {
    expect(targetOf(name)).toMatchObject({ MinCapacity: 0, ScalableDimension: 'lambda:function:ProvisionedConcurrency', ServiceNamespace: 'lambda' });
    expect(rendered(targetOf(name)['ResourceId'])).toMatch(/^function:.*:live$/);
  }
  expect([targetOf('join')['MaxCapacity'], targetOf('status')['MaxCapacity']]).toEqual([300, 400]);
});

test('environments are made ready at the beginning and let go at the end', () => {
  const action = (name: string, schedule: string, count: number) => ({
    ScheduledActionName: name,
    Schedule: schedule,
    Timezone: timeZone,
    ScalableTargetAction: { MinCapacity: count, MaxCapacity: count },
  });
  const fridays = (count: number) => [action('friday-from', friday.from, count), action('friday-until', friday.until, 0)];
  expect(targetOf('status')['ScheduledActions']).toEqual(fridays(400));
  expect(targetOf('join')['ScheduledActions']).toEqual([...fridays(200), action('launch-from', launch.from, 300), action('launch-until', launch.until, 0)]);
});

test('the local run takes such a template', () => {
  for (const template of Object.values(deployment.templates)) expect(() => checkKnown(template)).not.toThrow();
});
