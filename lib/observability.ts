import { CfnOutput, Stack } from 'aws-cdk-lib/core';
import { Alarm, Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { alarmPlans, comparisons, missingData, ringsWhen, runbookAnchor, type AlarmPlan } from './observability-alarms.ts';
import { dashboardRows } from './observability-dashboard.ts';
import { ACCESS_METRICS, accessNamespace, QueueMetrics, type WatchedNames } from './observability-metrics.ts';
import type { Stage } from './stages.ts';

interface ObservabilityProps {
  readonly names: WatchedNames;
  /** Of the API: a line of JSON per request. */
  readonly accessLog: logs.ILogGroup;
  readonly stage: Stage;
}

/** What wakes people, and what they then look at: alarms with a topic that they ring, a dashboard, and metrics of the access log. */
export class Observability extends Construct {
  constructor(scope: Construct, id: string, { names, accessLog, stage }: ObservabilityProps) {
    super(scope, id);
    for (const [metricName, pattern] of Object.entries(ACCESS_METRICS)) {
      new logs.MetricFilter(this, metricName, {
        logGroup: accessLog,
        filterPattern: logs.FilterPattern.literal(pattern),
        metricNamespace: accessNamespace(names.serviceName),
        metricName,
        metricValue: '1',
        defaultValue: 0,
      });
    }
    const actions = this.#topics(stage.alarms, names.serviceName).map((topic) => new SnsAction(topic));
    const metrics = new QueueMetrics(names);
    const alarms = alarmPlans(metrics, stage).map((plan) => this.#alarm(plan, names.serviceName));
    for (const alarm of alarms) {
      alarm.addAlarmAction(...actions);
      alarm.addOkAction(...actions);
    }
    const dashboard = new Dashboard(this, 'Dashboard', { widgets: dashboardRows(metrics, alarms) });
    const { region } = Stack.of(this);
    new CfnOutput(Stack.of(this), 'DashboardUrl', {
      value: `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`,
    });
  }

  #alarm(plan: AlarmPlan, serviceName: string): Alarm {
    const { id, runbook, of, metric, comparison, threshold, minutes } = plan;
    const where = of === undefined ? serviceName : `${serviceName}, ${of}`;
    return new Alarm(this, id, {
      metric,
      comparisonOperator: comparisons[comparison],
      threshold,
      datapointsToAlarm: minutes[0],
      evaluationPeriods: minutes[1],
      treatMissingData: missingData(plan),
      alarmDescription: `${runbook} (${where}): ${ringsWhen(plan)}. Runbook: docs/runbook.md#${runbookAnchor(runbook)}`,
    });
  }

  /** Who is told: those who subscribed to the stage's own topic, and a topic that is there already. */
  #topics({ emails, topicArn }: Stage['alarms'], serviceName: string): sns.ITopic[] {
    const own = new sns.Topic(this, 'Alarms', { displayName: `Alarms of ${serviceName}`, enforceSSL: true });
    // A topic with a policy has lost the one by which its account's alarms may ring it.
    own.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
        actions: ['sns:Publish'],
        resources: [own.topicArn],
      }),
    );
    for (const email of emails) own.addSubscription(new EmailSubscription(email));
    new CfnOutput(Stack.of(this), 'AlarmTopicArn', { value: own.topicArn });
    return topicArn === '' ? [own] : [own, sns.Topic.fromTopicArn(this, 'Existing', topicArn)];
  }
}
