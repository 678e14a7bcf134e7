import { expect } from 'vitest';
import type { Verdict } from './contract.ts';

/** What no answer may show: a host, a key, a script, a stack. */
const INSIDES = /127\.0\.0\.1|localhost|redis|coupon:|\{[A-Za-z0-9_-]+\}|\.lua|\.ts\b|\.js\b|node_modules|user_script|KEYS\[|ARGV\[|WRONGTYPE|ERR |Error|\n\s+at /;
const FIELD = /^(body|promotionId|userId|stock|action|quantity|requestId)$/;

/** A refusal is the documented one, in the envelope, and shows nothing of the insides. */
export function expectRefusal(answer: { status: number; body: unknown }, verdict: Extract<Verdict, { kind: 'REFUSED' }>): void {
  const { status, code } = verdict;
  expect(answer).toEqual({
    status,
    body: {
      success: false,
      message: expect.stringMatching(/^[가-힣]|^Content-Type/),
      error: code === 'INVALID_REQUEST' ? { code, details: expect.any(Array) } : { code },
      requestId: expect.stringMatching(/./),
    },
  });
  expectNoInsides(answer.body);
  if (code !== 'INVALID_REQUEST') return;
  const { details } = (answer.body as { error: { details: { field: string; rule: string }[] } }).error;
  expect(details.length).toBeGreaterThan(0);
  for (const { field, rule } of details) {
    expect(field).toMatch(FIELD);
    expect(rule).toMatch(/[가-힣]/);
  }
}

export function expectNoInsides(body: unknown): void {
  expect(JSON.stringify(body)).not.toMatch(INSIDES);
}
