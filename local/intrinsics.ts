import { Failure } from './failure.ts';
import type { Resource } from './known-resources.ts';

/** Stands for the deployment that never happens: names and addresses as AWS would give them. */
export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
export const DEPLOYED_REDIS_HOST = 'redis.deployed.invalid';
const DEPLOYED_REDIS_PORT = '6379';
export const DEPLOYED_REDIS_URL = `rediss://${DEPLOYED_REDIS_HOST}:${DEPLOYED_REDIS_PORT}`;
export const DEPLOYED_QUEUE_HOST = `sqs.${REGION}.amazonaws.com`;

/** The queue URL that AWS would give. */
export const deployedQueueUrl = (name: string): string => `https://${DEPLOYED_QUEUE_HOST}/${ACCOUNT_ID}/${name}`;
export const queueArn = (name: string): string => `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${name}`;
export const functionArn = (name: string): string => `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${name}`;

/** What `Ref` (under the name Ref) and `Fn::GetAtt` answer for a resource, by its type. */
const VALUES: Readonly<Record<string, Readonly<Record<string, (id: string) => string>>>> = {
  'AWS::Lambda::Function': { Ref: (id) => id, Arn: functionArn },
  'AWS::Lambda::Version': { Version: (id) => id },
  'AWS::SQS::Queue': { Ref: deployedQueueUrl, QueueUrl: deployedQueueUrl, QueueName: (id) => id, Arn: queueArn },
  'AWS::ApiGatewayV2::Api': { Ref: (id) => id, ApiId: (id) => id },
  'AWS::ApiGatewayV2::Authorizer': { Ref: (id) => id },
  'AWS::ApiGatewayV2::Integration': { Ref: (id) => id },
  'AWS::ElastiCache::ReplicationGroup': {
    Ref: (id) => id,
    'ConfigurationEndPoint.Address': () => DEPLOYED_REDIS_HOST,
    'ConfigurationEndPoint.Port': () => DEPLOYED_REDIS_PORT,
  },
};

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::AccountId': ACCOUNT_ID,
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
  'AWS::URLSuffix': 'amazonaws.com',
};

/** Deeper nesting than any template has; a bound against a template that was made by a mistake. */
const NESTING_MAX = 64;

/**
 * Resolves Ref, Fn::GetAtt, Fn::Join, Fn::Split, Fn::Select and Fn::Sub anywhere inside a value. Resources are called by their logical ids.
 * @throws Failure that names the resource (`where`) and the function or reference that the local run does not know.
 */
export function resolveIntrinsics(value: unknown, resources: Record<string, Resource>, where: string, depth = 0): unknown {
  if (depth > NESTING_MAX) throw new Failure(`${where} is nested deeper than ${NESTING_MAX} levels: simplify the template.`);
  const inner = (child: unknown): unknown => resolveIntrinsics(child, resources, where, depth + 1);
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Ref') return lookUp(String(argument), 'Ref', resources, where);
  if (entries.length === 1 && name === 'Fn::GetAtt') {
    const [id, attribute] = Array.isArray(argument) ? (argument as string[]) : String(argument).split(/\.(.*)/s);
    return lookUp(id ?? '', attribute ?? '', resources, where);
  }
  if (entries.length === 1 && name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown];
    return (inner(parts) as unknown[]).map(String).join(separator);
  }
  if (entries.length === 1 && name === 'Fn::Split') {
    const [separator, text] = argument as [string, unknown];
    return String(inner(text)).split(separator);
  }
  if (entries.length === 1 && name === 'Fn::Select') {
    const [index, list] = argument as [number | string, unknown];
    return (inner(list) as unknown[])[Number(index)];
  }
  if (entries.length === 1 && name === 'Fn::Sub') return substitute(argument, resources, where, inner);
  if (entries.length === 1 && name?.startsWith('Fn::')) {
    throw new Failure(`The local run does not know ${name} in ${where}: teach it in local/intrinsics.ts, or leave it out.`);
  }
  return Object.fromEntries(entries.map(([key, child]) => [key, inner(child)]));
}

function substitute(
  argument: unknown,
  resources: Record<string, Resource>,
  where: string,
  inner: (child: unknown) => unknown,
): string {
  const [text, given] = Array.isArray(argument) ? (argument as [string, Record<string, unknown>]) : [String(argument), {}];
  return text.replaceAll(/\$\{(!?)([^}]*)\}/g, (_whole, literal: string, name: string) => {
    if (literal === '!') return `\${${name}}`;
    if (Object.hasOwn(given, name)) return String(inner(given[name]));
    const [id, attribute] = name.split(/\.(.*)/s);
    return lookUp(id ?? '', attribute ?? 'Ref', resources, where);
  });
}

function lookUp(id: string, attribute: string, resources: Record<string, Resource>, where: string): string {
  const pseudo = attribute === 'Ref' ? own(PSEUDO_PARAMETERS, id) : undefined;
  if (pseudo !== undefined) return pseudo;
  const type = own(resources, id)?.Type;
  if (type === 'AWS::Lambda::Alias' && attribute === 'Ref') return aliasArn(id, resources);
  const value = own(own(VALUES, type ?? '') ?? {}, attribute);
  if (value === undefined) {
    const what = attribute === 'Ref' ? `Ref ${id}` : `Fn::GetAtt ${id}.${attribute}`;
    throw new Failure(
      `The local run does not know the value of ${what}${type === undefined ? '' : ` (${type})`} in ${where}: ` +
        'teach it in local/intrinsics.ts, or leave it out.',
    );
  }
  return value(id);
}

/** The only resource whose name tells what it belongs to. */
function aliasArn(id: string, resources: Record<string, Resource>): string {
  const { FunctionName: of, Name: name } = resources[id]?.Properties ?? {};
  return `${functionArn(String(resolveIntrinsics(of, resources, `${id}.FunctionName`)))}:${String(name)}`;
}

/** A template may call things as it likes, also `constructor`. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
