import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { Issuing } from './issuing.ts';
import { Network } from './network.ts';
import { Redis } from './redis.ts';
import type { Stage } from './stages.ts';

/** What a sale can't do without and no deployment of code should touch: the network, Redis, and the queues. */
export class DataStack extends Stack {
  readonly network: Network;
  readonly redis: Redis;
  readonly issuing: Issuing;

  constructor(scope: Construct, id: string, stage: Stage) {
    super(scope, id, {
      description: 'Coupon queue: network, Redis and queues',
      terminationProtection: stage.terminationProtection.data,
    });
    this.network = new Network(this, 'Network', stage);
    this.redis = new Redis(this, 'Redis', { network: this.network, size: stage.redis, keepData: stage.keepData });
    this.issuing = new Issuing(this, 'Issuing', { network: this.network, limits: stage.issuing });

    new CfnOutput(this, 'QueueUrl', { value: this.issuing.queue.queueUrl });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: this.issuing.deadLetterQueue.queueUrl });
    new CfnOutput(this, 'RedisUrl', { value: this.redis.url });
  }
}
