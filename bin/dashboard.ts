import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib/core';
import { Command } from 'commander';
import cdkJson from '../cdk.json' with { type: 'json' };
import { dashboardBody, dashboardPicture } from '../lib/observability-picture.ts';
import { addStacks } from '../lib/stacks.ts';
import { stages } from '../lib/stages.ts';

new Command('npm run dashboard').description('Draws the dashboard of prod in docs/dashboard.svg, from the template.').parse();

const file = fileURLToPath(new URL('../docs/dashboard.svg', import.meta.url));

// As prod has it; no bundle is made, and whose tokens are taken makes no difference to it.
const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] }, analyticsReporting: false, autoSynth: false });
const { service } = addStacks(app, 'coupon-queue-prod', { ...stages.prod, auth: 'none' });
const template = app.synth().getStackByName(service.stackName).template as { Resources: Record<string, { Type: string }> };
writeFileSync(file, dashboardPicture(dashboardBody(template.Resources)));
console.log(`The dashboard of prod is drawn in ${file}.`);
