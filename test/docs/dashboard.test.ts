import { expect, test } from 'vitest';
import { dashboardBody, dashboardPicture } from '../../lib/observability-picture.ts';
import { deploy, prod } from '../lib/deployment.ts';
import { read } from './markdown.ts';

const drawn = dashboardPicture(dashboardBody(deploy(prod).resources));

test('docs/dashboard.svg is what prod\'s template says (npm run dashboard draws it anew)', () => {
  expect(read('docs/dashboard.svg')).toBe(drawn);
});

test('the picture cuts nothing off, and tells nothing of whose it is', () => {
  const rows = [...drawn.matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)].map((found) => found.slice(1).map(Number) as [number, number, number, number]);
  const texts = [...drawn.matchAll(/<text x="(\d+)" y="(\d+)" [^>]*>([^<]+)</g)];
  expect(texts.length).toBeGreaterThan(rows.length);
  for (const [, x, y, words = ''] of texts) {
    const box = rows.find(([left, top, width, height]) => Number(x) > left && Number(x) < left + width && Number(y) > top && Number(y) < top + height);
    expect(box, words).toBeDefined();
  }
  for (const name of ['IamAuthenticationThrottling', 'issuerErrors', 'each promotion']) expect(drawn).toContain(name);
  expect(drawn).not.toMatch(/coupon-queue|known-on-deployment/);
});
