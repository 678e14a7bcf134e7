import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Auth } from '../../local/auth-file.ts';
import { greeting } from '../../local/greeting.ts';

const endpoints = { apiUrl: 'http://127.0.0.1:1', redisUrl: 'redis://:secret@127.0.0.1:2', sqsEndpoint: 'http://127.0.0.1:3', queueUrl: '', deadLetterQueueUrl: '' };

/** Runs the commands of a greeting in a shell that only says which programs it was to call, a word a line. */
function called(text: string): string[][] {
  const commands = text.split('\n').filter((line) => line.startsWith('  '));
  const script = `npm() { { printf 'npm\\n'; printf '%s\\n' "$@"; echo; } >&3; echo key; }\ncurl() { { printf 'curl\\n'; printf '%s\\n' "$@"; echo; } >&3; }\nexec 3>&1\n${commands.join('\n')}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n\n').map((call) => call.split('\n'));
}

it.each(['/tmp/a b', `/tmp/da'ta "x" $HOME \`id\` \\`, '/tmp/쿠폰'])('shows commands that reach the keys of the folder %s', (folder) => {
  const [operator, token, ...calls] = called(greeting({ endpoints, auth: {} as Auth }, folder, '/tmp/usual'));
  expect([operator, token]).toEqual([
    ['npm', '-s', 'run', 'token', '--', '--operator', '--data-dir', folder],
    ['npm', '-s', 'run', 'token', '--', '--sub', 'user1', '--data-dir', folder],
  ]);
  expect(calls.map(([, , url]) => url)).toEqual(['init-stock', 'join', 'status?promotionId=1'].map((route) => `http://127.0.0.1:1/api/coupon/queue/${route}`));
  expect(calls[0]).toEqual(expect.arrayContaining(['--aws-sigv4', 'aws:amz:us-east-1:execute-api', '--user', 'key']));
  for (const call of calls.slice(1)) expect(call).toEqual(expect.arrayContaining(['-H', 'authorization: Bearer key']));
});

it('says nothing of the usual folder, of keys where there are none, nor of the password of Redis', () => {
  const text = greeting({ endpoints, auth: undefined }, '/tmp/usual', '/tmp/usual');
  expect(called(text).map(([program]) => program)).toEqual(['curl', 'curl', 'curl']);
  expect(text).not.toMatch(/data-dir|TOKEN|OPERATOR|secret/);
});
