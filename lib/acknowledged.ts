import { Validations } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/** What this project accepts of what cdk-nag finds. docs/security.md lists each with its place; a test holds the two together. */
export const acknowledged = {
  'AwsSolutions-IAM5[Resource::*]':
    'Lambda makes the network interfaces of a function with its role, which EC2 allows on all or none; the code of the function is denied them.',
  'AwsSolutions-AEC4': 'A stage without replicas has nothing to spread over zones; only stages whose loss is accepted have none.',
  'AwsSolutions-AEC6': 'Nobody signs in by a shared password: every function is a user of its own, by IAM, and the user default is off.',
  'AwsSolutions-APIG4': 'auth is none in this stage, which synthesis allows in dev alone.',
} as const;

/** Accepts a finding on a construct, for the reason given above. */
export function acknowledge(construct: IConstruct, id: keyof typeof acknowledged): void {
  Validations.of(construct).acknowledge({ id, reason: acknowledged[id] });
}
