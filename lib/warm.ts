import { TimeZone } from 'aws-cdk-lib/core';
import { Schedule } from 'aws-cdk-lib/aws-applicationautoscaling';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { mostWarm } from './most-warm.ts';
import type { WarmPeriod } from './stages.ts';

interface WarmProps {
  readonly periods: readonly WarmPeriod[];
  readonly functions: Readonly<Record<keyof WarmPeriod['environments'], lambda.Alias>>;
}

/** Provisioned concurrency by the clock: environments of functions are made ready before a sale and let go after it. */
export class Warm extends Construct {
  constructor(scope: Construct, id: string, { periods, functions }: WarmProps) {
    super(scope, id);
    for (const [name, maxCapacity] of mostWarm(periods)) {
      const scaling = functions[name].addAutoScaling({ minCapacity: 0, maxCapacity });
      for (const period of periods) {
        const count = period.environments[name];
        if (count === undefined) continue;
        const timeZone = TimeZone.of(period.timeZone);
        scaling.scaleOnSchedule(`${period.name}-from`, { schedule: Schedule.expression(period.from), timeZone, minCapacity: count, maxCapacity: count });
        scaling.scaleOnSchedule(`${period.name}-until`, { schedule: Schedule.expression(period.until), timeZone, minCapacity: 0, maxCapacity: 0 });
      }
    }
  }
}
