import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { blocks, documents, read } from './markdown.ts';

/** Everything that a document asks its reader to type. */
const commandsOf = (document: string) => blocks(read(document), 'sh').join('\n');

test('no variable stands before a colon and a letter without braces: to zsh, the shell of macOS, that letter is an order to change the value', () => {
  const bare = documents.flatMap((document) => [...commandsOf(document).matchAll(/\$\w+:[A-Za-z]\S*/g)].map(([word]) => `${document}: ${word}`));
  expect(bare).toEqual([]);
});

test('no loop goes through the words of a variable: zsh takes it for one word', () => {
  const loops = documents.flatMap((document) => [...commandsOf(document).matchAll(/\bfor \w+ in \$[^;]*/g)].map(([loop]) => `${document}: ${loop}`));
  expect(loops).toEqual([]);
});

/** What curl is given by `sign` of the page. */
function signed(env: Record<string, string>): string[] {
  const [definition] = /^sign\(\) \{\n.*?^\}$/ms.exec(commandsOf('docs/api.md')) ?? [];
  const script = `curl() { printf '%s\\n' "$@"; }\n${definition}\nsign "$API/info?promotionId=1"`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { API: 'https://api', AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', ...env } }).trimEnd().split('\n');
}

test('sign hands curl the security token of a session', () => {
  const header = ['-H', 'x-amz-security-token: a b'];
  expect(signed({ AWS_SESSION_TOKEN: 'a b' })).toEqual(['-s', '--aws-sigv4', 'aws:amz:eu-west-1:execute-api', '--user', 'id:secret', ...header, 'https://api/info?promotionId=1']);
});

// curl signs a header without a value and then does not send it, so the signature would be refused.
test.each<Record<string, string>>([{}, { AWS_SESSION_TOKEN: '' }])('sign names no security token where there is none: %j', (env) => {
  expect(signed(env)).toEqual(['-s', '--aws-sigv4', 'aws:amz:eu-west-1:execute-api', '--user', 'id:secret', 'https://api/info?promotionId=1']);
});
