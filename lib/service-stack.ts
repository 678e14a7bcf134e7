import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { FunctionName } from '../lambda/config.ts';
import { Api } from './api.ts';
import type { DataStack } from './data-stack.ts';
import { Drain } from './drain.ts';
import { QueueFunction, type FunctionHost } from './queue-function.ts';
import { Observability } from './observability.ts';
import type { Stage } from './stages.ts';
import { Warm } from './warm.ts';

interface ServiceStackProps {
  /** The name under which logs and metrics are found. */
  readonly serviceName: string;
  readonly stage: Stage;
  readonly data: DataStack;
}

/** What runs and keeps nothing: the API, the loop that moves its lines, and the issuer. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, { serviceName, stage, data }: ServiceStackProps) {
    super(scope, id, {
      description: 'Coupon queue: API, drain loop and issuer',
      terminationProtection: stage.terminationProtection.service,
    });
    const { functions, keepData, logDays, pace } = stage;
    const { network, redis, issuing } = data;

    const host: FunctionHost = { network, serviceName, logDays, keepData };
    const tempo = { BATCH_SIZE: String(pace.batchSize), DRAIN_INTERVAL_MS: String(pace.drainIntervalMs) };
    const user = { USER_FROM: stage.auth === 'none' ? 'request' : 'token' } as const;
    const onRedis = { host, size: functions.api, environment: (self: lambda.Function, name: FunctionName) => redis.bind(self, name) };

    const behindApi = {
      join: new QueueFunction(this, 'join', {
        host,
        size: functions.api,
        environment: (self, name) => ({ ...redis.bind(self, name), ...user }),
      }).live,
      status: new QueueFunction(this, 'status', {
        host,
        size: functions.api,
        environment: (self, name) => ({ ...redis.bind(self, name), ...user, ...tempo }),
      }).live,
      'init-stock': new QueueFunction(this, 'init-stock', onRedis).live,
      info: new QueueFunction(this, 'info', onRedis).live,
      control: new QueueFunction(this, 'control', onRedis).live,
    };
    const api = new Api(this, 'Api', behindApi, stage);
    new Warm(this, 'Warm', { periods: stage.warm, functions: behindApi });

    const loop = new QueueFunction(this, 'drain-loop', {
      host,
      size: functions.drainLoop,
      environment: (self, name) => ({
        ...redis.bind(self, name),
        ...issuing.bindSender(self),
        ...tempo,
        MAX_IN_FLIGHT: String(pace.maxInFlight),
        LEASE_MS: String(pace.leaseMs),
        ON_EVICTION: stage.redis.onEviction,
      }),
    });
    new Drain(this, 'Drain', { loop: loop.live, shards: stage.shards });

    const issuer = new QueueFunction(this, 'issuer', { host, size: functions.issuer, environment: (self, name) => redis.bind(self, name) });
    issuing.deliverTo(issuer.live);

    const all = { ...behindApi, 'drain-loop': loop.live, issuer: issuer.live };
    // Of the functions, whose metrics count whichever version was called.
    const functionNames = Object.fromEntries(Object.entries(all).map(([name, live]) => [name, live.lambda.functionName])) as Record<FunctionName, string>;
    new Observability(this, 'Observability', {
      names: {
        serviceName,
        shards: stage.shards,
        apiId: api.id,
        functions: functionNames,
        queueName: issuing.queue.queueName,
        deadLetterQueueName: issuing.deadLetterQueue.queueName,
        nodes: redis.nodes,
      },
      accessLog: api.accessLog,
      stage,
    });

    new CfnOutput(this, 'ApiUrl', { value: api.url });
    if (api.operators) new CfnOutput(this, 'OperatorPolicyArn', { value: api.operators.managedPolicyArn });
  }
}
