import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment, FunctionName } from '../lambda/config.ts';
import { bundle } from './bundle.ts';
import { FunctionRole } from './function-role.ts';
import type { Network } from './network.ts';
import { METRICS_NAMESPACE } from './observability-metrics.ts';
import type { FunctionSize } from './stages.ts';

/** The alias under which everything calls a function. */
export const LIVE_ALIAS = 'live';

/** What all functions of a stage share. */
export interface FunctionHost {
  readonly network: Network;
  /** The name under which logs and metrics are found. */
  readonly serviceName: string;
  readonly logDays: number;
  /** Whether the logs outlive the stack. */
  readonly keepData: boolean;
}

interface QueueFunctionProps<F extends FunctionName> {
  readonly host: FunctionHost;
  readonly size: FunctionSize;
  /** Binds the function to what it uses, and answers its whole environment: what a binding answers can't be had without the binding. */
  readonly environment: (self: lambda.Function, name: F) => Environment<F>;
}

/** The function of lambda/<name>.ts, in a network and with a role of its own that allow it nothing but to log until it is bound. */
export class QueueFunction<F extends FunctionName> extends Construct {
  readonly lambda: lambda.Function;
  /** What is called: the newest version, unless an operator has gone back to an earlier one. */
  readonly live: lambda.Alias;

  constructor(scope: Construct, name: F, { host, size, environment }: QueueFunctionProps<F>) {
    super(scope, name);
    const { vpc } = host.network;
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: host.logDays,
      removalPolicy: host.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.lambda = new lambda.Function(this, 'Function', {
      description: `The ${name} function of ${host.serviceName}`,
      code: bundle(name),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: size.memoryMb,
      timeout: Duration.seconds(size.timeoutSeconds),
      vpc,
      vpcSubnets: { subnets: vpc.isolatedSubnets },
      securityGroups: [host.network.closedSecurityGroup(this, 'SecurityGroup', `The ${name} function`)],
      role: new FunctionRole(this, 'Access', logGroup).role,
      logGroup,
      // Lambda's own three lines of every call that went well would add a tenth or more to what a sale costs; a call that did not still has its line.
      loggingFormat: lambda.LoggingFormat.JSON,
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      // Earlier versions stay, so that an alias can go back to one within seconds, and a loop that is under way ends in its own time.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    this.live = new lambda.Alias(this, 'Live', { aliasName: LIVE_ALIAS, version: this.lambda.currentVersion });
    const variables = {
      ...environment(this.lambda, name),
      POWERTOOLS_SERVICE_NAME: host.serviceName,
      POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
      POWERTOOLS_LOG_LEVEL: 'INFO',
    };
    for (const [key, value] of Object.entries(variables)) this.lambda.addEnvironment(key, value);
  }
}
