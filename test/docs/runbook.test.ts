import { describe, expect, test } from 'vitest';
import { deploy, deployments, prod, rendered } from '../lib/deployment.ts';
import { read } from './markdown.ts';

const page = read('docs/runbook.md');
const GENERAL = ['First', 'Following one user', 'The dashboard'];

/** The entries of alarms, by the anchor that GitHub gives them. */
const entries = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => ({ heading: text.slice(0, text.indexOf('\n')), text }))
    .filter(({ heading }) => !GENERAL.includes(heading))
    .map((entry) => [entry.heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'), entry]),
);

/** What the mail of each alarm says. */
const mails = (stage: (typeof deployments)[number][1]) => Object.values(deploy(stage).ofType('AWS::CloudWatch::Alarm')).map(({ Properties }) => rendered(Properties['AlarmDescription']));
const MAIL = /^(?<heading>.+) \(coupon-queue-test(?:, (?<of>[\w -]+))?\): (?<when>.+)\. Runbook: docs\/runbook\.md#(?<anchor>[a-z0-9-]+)$/;

describe.each(deployments)('alarms of %s', (_, stage) => {
  test.each(mails(stage))('%s', (mail) => {
    const { heading, when, anchor } = MAIL.exec(mail)?.groups ?? {};
    const entry = entries.get(anchor ?? '');
    expect(entry?.heading).toBe(heading);
    expect(entry?.text).toContain(`**Rings** when ${when}.`);
  });
});

test('each log that it names is one log group of the service', () => {
  const groups = Object.keys(deploy(prod).ofType('AWS::Logs::LogGroup'));
  const named = new Set([...page.matchAll(/\b(?:\w+Logs|ApiAccessLog)\b/g)].map(([word]) => word));
  expect([...named]).toEqual(expect.arrayContaining(['drainloopLogs', 'ApiAccessLog']));
  expect([...named].filter((name) => groups.filter((id) => id.startsWith(name)).length !== 1)).toEqual([]);
});

test('there is no entry that no alarm leads to', () => {
  const led = new Set(mails(prod).map((mail) => MAIL.exec(mail)?.groups?.['anchor']));
  expect([...entries.keys()].filter((anchor) => !led.has(anchor))).toEqual([]);
});

test.each([...entries.values()])('$heading says what one sees, what it means and what to do, in this order', ({ text }) => {
  const parts = [...text.matchAll(/^\*\*(Rings|Symptom|It means|Do)\b\.?\*\*/gm)].map(([, part]) => part);
  expect(parts).toEqual(['Rings', 'Symptom', 'It means', 'Do']);
});
