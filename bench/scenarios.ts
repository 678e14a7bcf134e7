import type { Scenario } from './scenario.ts';

/** Every scenario of the suite, in the order of the results; loaded when it is asked for, since some load whole libraries. */
const load: Record<string, () => Promise<{ scenario: Scenario }>> = {
  join: () => import('./scenarios/join.ts'),
  'duplicate-join': () => import('./scenarios/duplicate-join.ts'),
  status: () => import('./scenarios/status.ts'),
  handler: () => import('./scenarios/handler.ts'),
  'drain-issue': () => import('./scenarios/drain-issue.ts'),
  journey: () => import('./scenarios/journey.ts'),
  'replaced-design': () => import('./scenarios/replaced-design.ts'),
  sqs: () => import('./scenarios/sqs.ts'),
  loop: () => import('./scenarios/loop.ts'),
  'sell-out': () => import('./scenarios/sell-out.ts'),
  memory: () => import('./scenarios/memory.ts'),
  promotions: () => import('./scenarios/promotions.ts'),
  connections: () => import('./scenarios/connections.ts'),
  'cold-start': () => import('./scenarios/cold-start.ts'),
  'round-trips': () => import('./scenarios/round-trips.ts'),
};

export const scenarioNames = Object.keys(load);

/** The scenario of this name; undefined if there is none. */
export const scenarioOf = async (name: string): Promise<Scenario | undefined> => (await load[name]?.())?.scenario;
