import { Validations, type App } from 'aws-cdk-lib/core';

/**
 * Lets cdk-nag's AwsSolutions check the templates as they are synthesized: a finding that nobody has acknowledged fails the synthesis.
 * Loaded only here, as a local run does without: the package takes 0.3 s to load and to run.
 */
export async function addNag(app: App): Promise<void> {
  const { AwsSolutionsChecks } = await import('cdk-nag');
  Validations.of(app).addPlugins(new AwsSolutionsChecks());
}
