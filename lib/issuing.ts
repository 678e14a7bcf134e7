import { Duration } from 'aws-cdk-lib/core';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Environment } from '../lambda/config.ts';
import type { Network } from './network.ts';
import type { Stage } from './stages.ts';

interface IssuingProps {
  readonly network: Network;
  readonly limits: Stage['issuing'];
}

/** The way from the drain loop to the issuer: the queue of admitted batches, and the dead-letter queue for what can't be issued. */
export class Issuing extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetterQueue: sqs.Queue;
  readonly #network: Network;
  readonly #limits: Stage['issuing'];

  constructor(scope: Construct, id: string, { network, limits }: IssuingProps) {
    super(scope, id);
    this.#network = network;
    this.#limits = limits;
    this.deadLetterQueue = new sqs.Queue(this, 'DeadLetterQueue', {
      retentionPeriod: Duration.days(limits.deadLetterDays),
      enforceSSL: true,
    });
    this.queue = new sqs.Queue(this, 'Queue', {
      visibilityTimeout: Duration.seconds(limits.visibilityTimeoutSeconds),
      retentionPeriod: Duration.days(limits.messageDays),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: limits.receiveCountMax },
      enforceSSL: true,
    });
    network.leadTo(this.queue);
  }

  /** Lets the function send batches, over the network and by permission, and answers what it must be told for that. */
  bindSender(sender: lambda.Function): Pick<Environment<'drain-loop'>, 'QUEUE_URL'> {
    this.#network.allowSend(sender);
    this.queue.grant(sender, 'sqs:SendMessage');
    return { QUEUE_URL: this.queue.queueUrl };
  }

  /** Has Lambda hand the batches to the issuer, with permission to receive and delete them. */
  deliverTo(issuer: lambda.IFunction): void {
    issuer.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: this.#limits.messagesMax,
        // Not reserved concurrency: throttled deliveries would use up the receive count and end in the dead-letter queue.
        maxConcurrency: this.#limits.issuersMax,
        reportBatchItemFailures: true,
      }),
    );
  }
}
