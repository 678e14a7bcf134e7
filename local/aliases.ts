import { Failure } from './failure.ts';
import { functionArn } from './intrinsics.ts';
import type { TemplateReader } from './template.ts';

/** What an event or a request is sent to: a function, under the name of an alias or as it stands. */
export interface Callee {
  functionId: string;
  /** The alias, or `$LATEST`. */
  qualifier: string;
}

/**
 * The function that a name or an ARN means, which may end in an alias.
 * @throws Failure if the template has no such function, or an alias that does not lead to the code beside it
 */
export function calleeOf(reader: TemplateReader, id: string, name: string, reference: unknown): Callee {
  for (const [aliasId] of reader.all('AWS::Lambda::Alias')) {
    const functionId = reader.target(aliasId, 'FunctionName', reader.property(aliasId, 'FunctionName'), 'AWS::Lambda::Function', functionArn);
    const qualifier = reader.text(aliasId, 'Name');
    if (reference !== `${functionArn(functionId)}:${qualifier}` && reference !== `${functionId}:${qualifier}`) continue;
    checkVersion(reader, aliasId, functionId);
    return { functionId, qualifier };
  }
  return { functionId: reader.target(id, name, reference, 'AWS::Lambda::Function', functionArn), qualifier: '$LATEST' };
}

/** One machine has one version of each function: that of its bundle. */
function checkVersion(reader: TemplateReader, aliasId: string, functionId: string): void {
  const version = reader.target(aliasId, 'FunctionVersion', reader.property(aliasId, 'FunctionVersion'), 'AWS::Lambda::Version', String);
  if (reader.property(version, 'FunctionName') !== functionId) {
    throw new Failure(`The alias ${aliasId} leads to a version of another function than ${functionId}: mend the template.`);
  }
}
