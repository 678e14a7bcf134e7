import { App } from 'aws-cdk-lib/core';
import cdkJson from '../cdk.json' with { type: 'json' };
import { readStage } from '../lib/context.ts';
import { addNag } from '../lib/nag.ts';
import { addStacks } from '../lib/stacks.ts';

try {
  // The feature flags of cdk.json count without the CDK CLI as well (it would pass them), so that the local run sees the template
  // that is deployed. For the same reason there is no metadata resource, which the CLI alone would add.
  const app = new App({ context: cdkJson.context, analyticsReporting: false, autoSynth: false });
  const { name, stage } = readStage(app.node);
  addStacks(app, `coupon-queue-${name}`, stage);
  // What switches CDK's own checks off, as a local run does, switches these off too.
  if (process.env.CDK_VALIDATION !== 'false') await addNag(app);
  app.synth();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
