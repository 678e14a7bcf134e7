import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { Api } from './api.ts';
import { Drain } from './drain.ts';
import { Issuing } from './issuing.ts';
import { Network } from './network.ts';
import { QueueFunction, type FunctionHost } from './queue-function.ts';
import { Redis } from './redis.ts';
import type { Stage } from './stages.ts';

/** One whole coupon queue: the API, the loop that moves its lines, the issuer, and the Redis that they share. */
export class CouponQueueStack extends Stack {
  constructor(scope: Construct, id: string, stage: Stage) {
    super(scope, id, { description: 'First-come-first-served coupon issuing for flash sales' });
    const { functions, keepData, logDays, pace } = stage;

    const network = new Network(this, 'Network');
    const redis = new Redis(this, 'Redis', { network, size: stage.redis, keepData });
    const issuing = new Issuing(this, 'Issuing', { network, limits: stage.issuing });

    const host: FunctionHost = { network, serviceName: id, logDays, keepData };
    const tempo = { BATCH_SIZE: String(pace.batchSize), DRAIN_INTERVAL_MS: String(pace.drainIntervalMs) };
    const onRedis = { host, size: functions.api, environment: (self: lambda.Function) => redis.bind(self) };

    const api = new Api(this, 'Api', {
      join: new QueueFunction(this, 'join', onRedis).lambda,
      status: new QueueFunction(this, 'status', {
        host,
        size: functions.api,
        environment: (self) => ({ ...redis.bind(self), ...tempo }),
      }).lambda,
      'init-stock': new QueueFunction(this, 'init-stock', onRedis).lambda,
      info: new QueueFunction(this, 'info', onRedis).lambda,
      control: new QueueFunction(this, 'control', onRedis).lambda,
    });

    const loop = new QueueFunction(this, 'drain-loop', {
      host,
      size: functions.drainLoop,
      environment: (self) => ({
        ...redis.bind(self),
        ...issuing.bindSender(self),
        ...tempo,
        MAX_IN_FLIGHT: String(pace.maxInFlight),
        LEASE_MS: String(pace.leaseMs),
        ON_EVICTION: stage.redis.onEviction,
      }),
    });
    new Drain(this, 'Drain', { loop: loop.lambda, shards: stage.shards });

    const issuer = new QueueFunction(this, 'issuer', { host, size: functions.issuer, environment: (self) => redis.bind(self) });
    issuing.deliverTo(issuer.lambda);

    new CfnOutput(this, 'ApiUrl', { value: api.url });
    new CfnOutput(this, 'QueueUrl', { value: issuing.queue.queueUrl });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: issuing.deadLetterQueue.queueUrl });
    new CfnOutput(this, 'RedisUrl', { value: redis.url });
  }
}
