import { expect, it } from 'vitest';
import { Failure } from '../../local/failure.ts';
import { joinStacks } from '../../local/stacks.ts';
import { readAssembly } from '../../local/assembly.ts';
import { readTemplate } from '../../local/template.ts';
import { tinyTemplate, writeAssembly } from './tiny-assembly.ts';

const exportOf = (name: string, value: unknown) => ({ Value: value, Export: { Name: name } });
const queue = { Type: 'AWS::SQS::Queue' };

it('puts what a stack imports in its place, however deep', () => {
  const arn = { 'Fn::GetAtt': ['Queue', 'Arn'] };
  const data = { Resources: { Queue: queue }, Outputs: { Arn: exportOf('data:Arn', arn), Plain: { Value: 'x' } } };
  const service = { Resources: { Source: { Type: 'T', Properties: { Arns: [{ 'Fn::Join': ['', ['a', { 'Fn::ImportValue': 'data:Arn' }]] }] } } } };
  expect(joinStacks([data, service])).toEqual({ Queue: queue, Source: { Type: 'T', Properties: { Arns: [{ 'Fn::Join': ['', ['a', arn]] }] } } });
});

it.each([
  ['what no stack exports', [{ Resources: { A: { Type: 'T', Properties: { B: { 'Fn::ImportValue': 'data:B' } } } } }], /^A imports "data:B", which no stack exports/],
  ['a name that is only known on AWS', [{ Resources: { A: { Type: 'T', Properties: { B: { 'Fn::ImportValue': { Ref: 'C' } } } } } }], /^A imports {"Ref":"C"}/],
  ['the same name twice', [{ Resources: { A: queue } }, { Resources: { A: queue } }], /^Two stacks have a resource A/],
])('refuses %s', (_what, templates, message) => {
  const joining = () => joinStacks(templates);
  expect(joining).toThrow(message);
  expect(joining).toThrow(Failure);
});

it('a system in two stacks is read as the same system in one', () => {
  const { Queue, DeadQueue, Redis, ...service } = tinyTemplate().Resources;
  const Outputs = {
    QueueUrl: exportOf('data:QueueUrl', { Ref: 'Queue' }),
    QueueArn: exportOf('data:QueueArn', { 'Fn::GetAtt': ['Queue', 'Arn'] }),
    Host: exportOf('data:Host', { 'Fn::GetAtt': ['Redis', 'ConfigurationEndPoint.Address'] }),
  };
  const imported = JSON.stringify(service)
    .replaceAll('{"Ref":"Queue"}', '{"Fn::ImportValue":"data:QueueUrl"}')
    .replaceAll('{"Fn::GetAtt":["Queue","Arn"]}', '{"Fn::ImportValue":"data:QueueArn"}')
    .replaceAll('{"Fn::GetAtt":["Redis","ConfigurationEndPoint.Address"]}', '{"Fn::ImportValue":"data:Host"}');
  const modelOf = (...templates: object[]) => {
    const { functions, ...model } = readTemplate(readAssembly(writeAssembly(templates)));
    return { ...model, functions: functions.map(({ codeDir: _folder, ...each }) => each) };
  };
  expect(imported).toContain('data:Host');
  const split = modelOf({ Resources: { Queue, DeadQueue, Redis }, Outputs }, { Resources: JSON.parse(imported) as object });
  expect(split).toEqual({ ...modelOf(tinyTemplate()), queues: split.queues });
  expect(split.queues).toHaveLength(2);
});

it('a section that is not known is found in each stack', () => {
  const dir = writeAssembly([tinyTemplate(), { Resources: {}, Conditions: {} }]);
  expect(() => readTemplate(readAssembly(dir))).toThrow(/section Conditions/);
});
