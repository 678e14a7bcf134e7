import { Validations, type CfnResource } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, type IApplyRule, NagRuleCompliance } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { acknowledged } from '../../lib/acknowledged.ts';
import { plain, read, table } from '../docs/markdown.ts';
import { deploy, deployments } from './deployment.ts';

/** One rule's word on one resource. */
interface Verdict {
  readonly rule: string;
  readonly resource: CfnResource;
  /** Nothing where it does not apply, an id per finding where it does. */
  readonly findings: readonly string[] | undefined;
}

/** The checks, asked for everything that they find, acknowledged or not. */
class Listening extends AwsSolutionsChecks {
  readonly verdicts: Verdict[] = [];

  protected override applyRule(rule: IApplyRule): void {
    const id = `${this.readPackName}-${rule.ruleSuffixOverride ?? rule.rule.name}`;
    const result = rule.rule(rule.node);
    const findings = Array.isArray(result) ? result.map((finding) => `${id}[${finding}]`) : result === NagRuleCompliance.NON_COMPLIANT ? [id] : [];
    this.verdicts.push({ rule: id, resource: rule.node, findings: result === NagRuleCompliance.NOT_APPLICABLE ? undefined : findings });
    super.applyRule(rule);
  }
}

/** What is acknowledged of cdk-nag on a construct; CDK acknowledges a warning of its own by itself. */
const acknowledgedOn = (construct: IConstruct) =>
  construct.node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, string>).map(([id, reason]) => ({ id: id.replace(/^annotation::/i, ''), reason })))
    .filter(({ id }) => id.startsWith('AwsSolutions-'));

/** The place of a construct as docs/security.md names it: without the stage, and with one word for all functions and all routes. */
const placeOf = ({ node }: IConstruct) =>
  node.path
    .replace(/^coupon-queue-test-/, '')
    .replace(/^service\/(join|status|init-stock|info|control|drain-loop|issuer)\//, 'service/<function>/')
    .replace(/(GET|POST)--.*$/, '<route>');

const documented = table(read('docs/security.md'), 'finding', 'where', 'in', 'why it is accepted').rows.map((row) => row.map(plain));

const checked = deployments.map(([name, stage]) => {
  const { data, service } = deploy(stage).stacks;
  const checks = new Listening();
  const violations = [data, service].flatMap((stack) => checks.validateScope(stack).violations);
  const acknowledgements = [data, service]
    .flatMap((stack) => stack.node.findAll())
    .flatMap((construct) => acknowledgedOn(construct).map((each) => ({ ...each, construct })));
  return { name, checks, violations, acknowledgements };
});

describe.each(checked)('$name', ({ checks, violations, acknowledgements }) => {
  test('has nothing that AwsSolutions finds and nobody has acknowledged', () => {
    expect(violations).toEqual([]);
    expect(checks.verdicts).not.toEqual([]);
  });

  test('acknowledges what is found, where it is found, and nothing else', () => {
    const found = checks.verdicts.flatMap(({ resource, findings = [] }) => findings.map((id) => ({ id, resource })));
    const covers = (construct: IConstruct, { resource }: { resource: CfnResource }) => resource.node.scopes.includes(construct);
    const unused = acknowledgements.filter(({ id, construct }) => !found.some((finding) => finding.id === id && covers(construct, finding)));
    expect(unused.map(({ id, construct }) => `${id} on ${construct.node.path}`)).toEqual([]);
  });
});

test('docs/security.md lists every acknowledged finding, with its place, its stages and its reason', () => {
  const stages = checked.filter(({ name }) => name === 'dev' || name === 'prod');
  const rows = Map.groupBy(
    stages.flatMap(({ name, acknowledgements }) => acknowledgements.map(({ id, reason, construct }) => ({ name, line: [id, placeOf(construct), reason] }))),
    ({ line }) => JSON.stringify(line),
  );
  const expected = [...rows.values()].map((same) => {
    const [id, place, reason] = same[0]!.line;
    return [id, place, [...new Set(same.map(({ name }) => name))].join(', '), reason].join(' | ');
  });
  expect(documented.map((row) => row.join(' | ')).toSorted()).toEqual(expected.toSorted());
  expect(new Set(documented.map(([id]) => id))).toEqual(new Set(Object.keys(acknowledged)));
});

test('docs/security.md says how many rules were asked', () => {
  const verdicts = checked.flatMap(({ checks }) => checks.verdicts);
  const rules = new Set(verdicts.map(({ rule }) => rule));
  const applying = new Set(verdicts.filter(({ findings }) => findings !== undefined).map(({ rule }) => rule));
  expect(read('docs/security.md')).toContain(`${rules.size} rules, of which ${applying.size} have something to say about these templates`);
});
