import { expect, test } from 'vitest';
import { type ErrorCode, errors } from '../../lambda/http/envelope.ts';
import { STOCK_MAX } from '../../lambda/http/requests.ts';
import { PROMOTION_ID, USER_ID } from '../../lambda/queue/ids.ts';
import { stages, TOKEN_SCOPES } from '../../lib/stages.ts';
import { blocks, documents, filesIn, plain, read, table } from './markdown.ts';

const page = read('docs/api.md');

interface Answer {
  success?: boolean;
  message: string;
  data?: { message?: string };
  error?: { code: ErrorCode; details?: { field: string; rule: string }[] };
  requestId?: string;
}

/** Patterns of every Korean text in these files; what is put in at run time may be anything. */
function koreanTexts(files: string[]): RegExp[] {
  const sources = files.map(read).join('\n').replaceAll(/\/\*\*.*?\*\//gs, '');
  return [...sources.matchAll(/(['`])((?:(?!\1)[^\n])*\p{Script=Hangul}(?:(?!\1)[^\n])*)\1/gu)].map(
    ([, , text = '']) => new RegExp(text.split(/\$\{[^}]*\}/).map((part) => RegExp.escape(part)).join('.+')),
  );
}

const all = koreanTexts(filesIn('lambda', '.ts'));
const isAnswered = (message: string) => all.some((text) => text.exec(message)?.[0] === message);

test('every route is described under its method and path', () => {
  const routes = [...read('lib/api.ts').matchAll(/^ {2}'?([a-z-]+)'?: apigateway\.HttpMethod\.(\w+),$/gm)].map(([, name = '', method = '']) => `${method} /api/coupon/queue/${name}`);
  expect(routes.length).toBeGreaterThan(0);
  expect([...page.matchAll(/^## ([A-Z]+ \/\S+)$/gm)].map(([, heading = '']) => heading).toSorted()).toEqual(routes.toSorted());
});

test('the table of errors is the one of the code', () => {
  const shown = table(page, 'status', '`error.code`', '`message`').rows.map(([status, code, message]) => [Number(status), plain(code), message]);
  expect(shown).toEqual(Object.entries(errors).map(([code, [status, message]]) => [status, code, message]));
});

test('every message of a route is shown', () => {
  const missing = koreanTexts(filesIn('lambda', '.ts').filter((file) => /^lambda\/[^/]+$/.test(file))).filter((text) => !text.test(page));
  expect(missing).toEqual([]);
});

test('the tables of states show messages of the code', () => {
  const messages = [...table(page, '`status`', '`message`').rows, ...table(page, '`status`', '`data.message`').rows].map(([, message = '']) => message);
  expect(messages).toHaveLength(9);
  expect(messages.filter((message) => !isAnswered(message))).toEqual([]);
});

/** The answers of the API that a document shows. */
const answersIn = (document: string) =>
  blocks(read(document), 'json')
    .map((block) => JSON.parse(block) as Answer)
    .filter(({ message }) => message !== undefined);

const answers = documents.flatMap((document) => answersIn(document).map((answer) => ({ document, answer })));

test.each(answers)('$document shows an answer in the form and with the messages of the code: $answer.message', ({ answer }) => {
  if (answer.success === undefined) {
    expect(Object.keys(answer)).toEqual(['message']);
    return;
  }
  expect(Object.keys(answer)).toEqual(answer.success ? ['success', 'message', 'data'] : ['success', 'message', 'error', 'requestId']);
  if (answer.error) expect(answer.message).toBe(errors[answer.error.code][1]);
  const rules = answer.error?.details?.map(({ rule }) => rule) ?? [];
  const messages = [answer.message, answer.data?.message ?? answer.message, ...rules];
  expect(messages.filter((message) => !isAnswered(message))).toEqual([]);
});

test('each route is listed by who may call it, with the scope that a token needs', () => {
  const { rows } = table(page, 'route', 'as deployed');
  expect(rows.flatMap(([routes = '']) => routes.split(', ')).toSorted()).toEqual(Object.keys(stages.dev.throttles).toSorted());
  const [users = [], operators = []] = rows;
  expect([users[0], operators[1]]).toEqual([Object.keys(TOKEN_SCOPES).join(', '), expect.stringContaining('IAM')]);
  for (const scope of Object.values(TOKEN_SCOPES)) expect(users[1]).toContain(`\`${scope}\``);
});

test('limits of requests are those of the code', () => {
  expect(page).toContain(`\`promotionId\` matches \`${PROMOTION_ID.source}\`, \`userId\` matches \`${USER_ID.source}\``);
  expect(page).toContain(`\`stock\` is an integer from 0 to ${STOCK_MAX}.`);
  expect(page).toContain(`\`quantity\` (1 to ${STOCK_MAX})`);
  const [, bytes] = /BODY_BYTES_MAX = (\d+)/.exec(read('lambda/http/json-body.ts')) ?? [];
  expect(page).toContain(`at most ${Number(bytes) / 1024} KiB`);
});

test('what API Gateway answers by itself, the local run answers too', () => {
  const local = ['local/http-api.ts', 'local/payload.ts', 'local/token-check.ts', 'local/signature-check.ts'].map(read).join('\n');
  const { rows } = table(page, 'status', '`message`', 'when');
  const unanswered = rows.filter(([status, message]) => !local.includes(`${status}, '${message}'`));
  expect(unanswered.map(([status, , when]) => [status, when])).toEqual([['429', expect.stringContaining('never on one machine')]]);
});
