/** What the figures of the suite should reach, in the order of the table. Exactly one bound each. */
export interface Goal {
  /** The name of the figure. */
  figure: string;
  atMost?: number;
  atLeast?: number;
}

export const goals: Goal[] = [
  { figure: 'join handler: client CPU over the raw call', atMost: 10 },
  { figure: 'join: server CPU ÷ SET', atMost: 5 },
  { figure: 'status: server CPU ÷ SET', atMost: 2 },
  { figure: 'status: 1,000,000 in line ÷ 1,000', atMost: 1.8 },
  { figure: 'BullMQ add ÷ join: server CPU', atLeast: 2.2 },
  { figure: 'join ÷ BullMQ add: rate', atLeast: 2 },
  { figure: 'drain + issue ÷ BullMQ worker: rate, batch 100', atLeast: 10 },
  { figure: 'drain + issue ÷ BullMQ worker: rate, batch 1,000', atLeast: 16 },
  { figure: 'join ÷ replaced design at 100,000 in line: rate', atLeast: 120 },
  { figure: 'one loop and one issuer through SQS: users per second', atLeast: 20_000 },
  { figure: 'sell-out of 1,000,000: server time of the deciding tick', atMost: 100 },
  { figure: 'sell-out of 1,000,000: longest PING above idle', atMost: 5 },
  { figure: 'sell-out of 1,000,000: whole sweep', atMost: 3 },
  { figure: 'waiting user, 12-character ids', atMost: 216 },
  { figure: 'waiting user, uuids', atMost: 305 },
  { figure: 'finished user, 12-character ids', atMost: 205 },
  { figure: 'cold start of join ÷ ioredis alone', atMost: 1.3 },
  { figure: 'bundle of join', atMost: 260 * 1024 },
  { figure: 'round trips to the first answer', atMost: 2 },
  { figure: '1,000 idle promotions: server CPU per tick', atMost: 8 },
];

export const isReached = ({ atMost = Infinity, atLeast = -Infinity }: Goal, value: number): boolean => value <= atMost && value >= atLeast;
