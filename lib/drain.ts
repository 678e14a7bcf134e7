import { Duration } from 'aws-cdk-lib/core';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

interface DrainProps {
  readonly loop: lambda.IFunction;
  readonly shards: number;
}

/** Starts the drain loop every minute, once per shard. */
export class Drain extends Construct {
  constructor(scope: Construct, id: string, { loop, shards }: DrainProps) {
    super(scope, id);
    // A start that fails is made good by the next one; a retry that comes late would only run beside it.
    const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
    loop.configureAsyncInvoke(once);
    const rule = new events.Rule(this, 'EveryMinute', { schedule: events.Schedule.rate(Duration.minutes(1)) });
    for (let shard = 0; shard < shards; shard++) {
      rule.addTarget(new LambdaFunction(loop, { ...once, event: events.RuleTargetInput.fromObject({ shard, shards }) }));
    }
  }
}
