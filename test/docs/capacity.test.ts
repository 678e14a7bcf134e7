import { expect, test } from 'vitest';
import { withTables } from '../../bench/cost/document.ts';
import { stages } from '../../lib/stages.ts';
import { plain, read, table } from './markdown.ts';

test('the tables of costs and quotas in docs/capacity.md are what the model says; else run npm run cost -- --write', () => {
  const page = read('docs/capacity.md');
  expect(page).toBe(withTables(page));
});

test('a page without a place for a table is refused', () => {
  expect(() => withTables(read('docs/capacity.md').replace('<!-- quotas:', '<!-- others:'))).toThrow('docs/capacity.md has no place for the table "quotas"');
});

test('the throttles among the parts that can give are those of prod', () => {
  const { header, rows } = table(read('docs/capacity.md'), 'part');
  for (const route of ['join', 'status'] as const) {
    const row = rows.find(([part]) => plain(part) === `throttle of ${route}`);
    const { requestsPerSecond } = stages.prod.throttles[route];
    expect(row?.[header.indexOf('limit')], route).toMatch(new RegExp(`^${requestsPerSecond.toLocaleString('en-US')} `));
  }
});
