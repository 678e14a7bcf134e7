/** How fast the line moves. */
export interface Pace {
  /** Users admitted per promotion and interval. */
  readonly batchSize: number;
  readonly drainIntervalMs: number;
  /** Users admitted but not yet issued, per promotion, at which admission waits. */
  readonly maxInFlight: number;
  /** After this long an admitted user's message counts as lost and is sent again. */
  readonly leaseMs: number;
}

export interface FunctionSize {
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
}

/** Whose tokens the app's routes take. The operator's routes then take IAM credentials. */
export interface TokenAuth {
  /** The `iss` of the tokens; API Gateway finds the keys below it. */
  readonly issuer: string;
  /** One of these must be the token's `aud`, or its `client_id` where it has no `aud`. */
  readonly audience: readonly string[];
  /** What a token must allow; without it an ID token, which is for the app alone, would do. */
  readonly scopes: { readonly join: string; readonly status: string };
}

/** What a route takes from all callers together; more is answered 429. */
export interface Throttle {
  readonly requestsPerSecond: number;
  /** Requests that may come at once, before the rate counts. */
  readonly burst: number;
}

/** A time for which environments of functions are kept ready, so that a crowd meets none that has to start first. */
export interface WarmPeriod {
  /** Letters, digits and dashes; every period of a stage has its own. */
  readonly name: string;
  /** When they are made ready and when they are let go: `at(2026-12-01T11:30:00)` for once, `cron(30 11 ? * FRI *)` for again and again. */
  readonly from: string;
  readonly until: string;
  /** Of both times, such as `Asia/Seoul`. */
  readonly timeZone: string;
  readonly environments: Partial<Readonly<Record<'join' | 'status' | 'init-stock' | 'info' | 'control', number>>>;
}

/** Everything that differs, or may one day differ, between two deployments. */
export interface Stage {
  /** `none`: anyone may call anything, in any user's name. Only dev may have it. */
  readonly auth: 'none' | TokenAuth;
  /** Web pages that may call the API, such as `https://shop.example.com`. Apps need none. */
  readonly corsOrigins: readonly string[];
  readonly throttles: Readonly<Record<'join' | 'status' | 'init-stock' | 'info' | 'control', Throttle>>;
  readonly pace: Pace;
  /** Promotions that may sell at the same time; the issuer must be large enough for them. */
  readonly promotionsAtOnce: number;
  /** Drain loops that share the promotions between them; at most RULE_TARGETS_MAX. */
  readonly shards: number;
  readonly redis: {
    readonly nodeType: string;
    readonly shards: number;
    /** Replicas of each shard; with one or more of them, shards are spread over availability zones. */
    readonly replicas: number;
    /** `sync`: an acknowledged write survives a failover. Can't be changed once deployed, wants a replica and a node type that has it. */
    readonly durability: 'sync' | 'disabled';
    readonly snapshotDays: number;
    /** The hour of the day in which they are taken, in UTC, such as `17:00-18:00`; '' leaves it to AWS. */
    readonly snapshotWindow: string;
    /** The hour of the week in which AWS may replace nodes, in UTC, such as `tue:18:00-tue:19:00`; '' leaves it to AWS, which draws one. */
    readonly maintenanceWindow: string;
    /** What the loop does on a Redis that may evict keys, and coupons with them: a warning in its log, or no run at all. */
    readonly onEviction: 'warn' | 'refuse';
  };
  readonly functions: {
    readonly api: FunctionSize;
    readonly drainLoop: FunctionSize;
    readonly issuer: FunctionSize;
  };
  readonly issuing: {
    readonly visibilityTimeoutSeconds: number;
    /** Times a message is delivered before it goes to the dead-letter queue. */
    readonly receiveCountMax: number;
    /** Messages handed to one issuer call. */
    readonly messagesMax: number;
    /** Issuer calls at the same time. */
    readonly issuersMax: number;
    /** How long a message waits for the issuer at most; its users' lease has run out long before. */
    readonly messageDays: number;
    /** How long a message can be looked at in the dead-letter queue, counted from when it was first sent. */
    readonly deadLetterDays: number;
  };
  /** Costs for as long as it lasts, whether anybody comes or not. */
  readonly warm: readonly WarmPeriod[];
  /** What AWS allows the account in its region. It sets nothing: the other sizes are checked against it. */
  readonly quotas: {
    /** Of all functions of the account together. */
    readonly concurrentExecutions: number;
    /** Of all HTTP APIs of the account together. */
    readonly apiRequestsPerSecond: number;
    readonly apiBurst: number;
  };
  /** Who is told when something is wrong; prod wants someone. Each address has to confirm that it wants mail. */
  readonly alarms: {
    readonly emails: readonly string[];
    /** An SNS topic that is there already, such as one that calls a phone; '' for none. */
    readonly topicArn: string;
  };
  readonly logDays: number;
  /** Whether Redis's data outlives the stack, as a last snapshot, and the logs with it. */
  readonly keepData: boolean;
  /** Whether CloudFormation refuses to delete the stack. */
  readonly terminationProtection: { readonly data: boolean; readonly service: boolean };
}

/** EventBridge allows five targets a rule, and every shard is one. */
export const RULE_TARGETS_MAX = 5;
/** Admitted but not issued users, in batches, unless a stage says otherwise. */
export const IN_FLIGHT_BATCHES = 10;

const batchSize = 100;

/** Named as a resource server of Cognito does. */
export const TOKEN_SCOPES: TokenAuth['scopes'] = { join: 'coupon-queue/join', status: 'coupon-queue/status' };

const byHand: Throttle = { requestsPerSecond: 20, burst: 20 };

const dev: Stage = {
  auth: 'none',
  corsOrigins: [],
  throttles: {
    join: { requestsPerSecond: 500, burst: 500 },
    status: { requestsPerSecond: 1000, burst: 1000 },
    'init-stock': byHand,
    info: byHand,
    control: byHand,
  },
  pace: { batchSize, drainIntervalMs: 1000, maxInFlight: IN_FLIGHT_BATCHES * batchSize, leaseMs: 60_000 },
  promotionsAtOnce: 5,
  shards: 1,
  redis: { nodeType: 'cache.t4g.micro', shards: 1, replicas: 0, durability: 'disabled', snapshotDays: 0, snapshotWindow: '', maintenanceWindow: '', onEviction: 'warn' },
  functions: {
    // Far above the 2.5 s deadline of an operation, so that a caller gets an answer of ours and not a timeout of Lambda's.
    api: { memoryMb: 512, timeoutSeconds: 10 },
    // A run must live past the next start, and the starts of a one-minute rule may lie 119 s apart.
    drainLoop: { memoryMb: 512, timeoutSeconds: 150 },
    issuer: { memoryMb: 512, timeoutSeconds: 8 },
  },
  // Visible again after more than six issuer timeouts, as AWS advises, and before the lease runs out and the users are sent anew.
  issuing: { visibilityTimeoutSeconds: 50, receiveCountMax: 5, messagesMax: 10, issuersMax: 10, messageDays: 4, deadLetterDays: 14 },
  warm: [],
  // The defaults; a new account may have less (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
  quotas: { concurrentExecutions: 1000, apiRequestsPerSecond: 10_000, apiBurst: 5000 },
  // In prod somebody must be woken: synthesis asks who, as it asks whose tokens.
  alarms: { emails: [], topicArn: '' },
  logDays: 7,
  keepData: false,
  terminationProtection: { data: true, service: false },
};

const prod: Stage = {
  ...dev,
  // Whose tokens it takes can't be known here: synthesis asks for both until they stand here or come by context.
  auth: { issuer: '', audience: [], scopes: TOKEN_SCOPES },
  // Together below what the account allows, and below what its functions can hold.
  throttles: { ...dev.throttles, join: { requestsPerSecond: 3000, burst: 2000 }, status: { requestsPerSecond: 6000, burst: 2500 } },
  redis: {
    nodeType: 'cache.r7g.large',
    shards: 2,
    replicas: 1,
    durability: 'sync',
    snapshotDays: 7,
    // Two and three o'clock at night in Seoul.
    snapshotWindow: '17:00-18:00',
    maintenanceWindow: 'tue:18:00-tue:19:00',
    onEviction: 'refuse',
  },
  functions: { ...dev.functions, api: { ...dev.functions.api, memoryMb: 1024 } },
  logDays: 90,
  keepData: true,
  terminationProtection: { data: true, service: true },
};

export const stages = { dev, prod };

export type StageName = keyof typeof stages;
