import type { App } from 'aws-cdk-lib/core';
import { DataStack } from './data-stack.ts';
import { ServiceStack } from './service-stack.ts';
import type { Stage } from './stages.ts';

/** The two stacks of a deployment, called `<serviceName>-data` and `<serviceName>-service`; the service is deployed after its data. */
export function addStacks(app: App, serviceName: string, stage: Stage): { data: DataStack; service: ServiceStack } {
  const data = new DataStack(app, `${serviceName}-data`, stage);
  const service = new ServiceStack(app, `${serviceName}-service`, { serviceName, stage, data });
  return { data, service };
}
