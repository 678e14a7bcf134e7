import * as fc from 'fast-check';
import { methodOf, type RawRequest, type RouteName, ROUTES } from './contract.ts';

const ID_CHARACTERS = 'ABCXYZabcxyz0189_-'.split('');
const ids = (lengthMax: number, more = '') => fc.string({ unit: fc.constantFrom(...ID_CHARACTERS, ...more.split('')), minLength: 1, maxLength: lengthMax });

/** Ids that are valid, up to their greatest length, and some a character longer. */
const promotionIds = fc.oneof({ weight: 6, arbitrary: ids(12) }, { weight: 1, arbitrary: fc.constantFrom('1', '01', 'p'.repeat(64), 'p'.repeat(65)) });
const userIds = fc.oneof({ weight: 6, arbitrary: ids(12, '.:|@') }, { weight: 1, arbitrary: fc.constantFrom('100', 'u'.repeat(128), 'u'.repeat(129)) });

/** Text that has broken something somewhere. */
const strings = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', ' ', 'a b', 'a\n', 'a\r\nset x 1', '\0', '\u007f', '\ud800', '\udc00a',
    '\u202e', '\ufeff1', '１', 'ａ', 'é', 'İ', 'ſ', '김', '👨‍👩‍👧', '{}', 'a}b', 'x}{y', '*', '?',
    '../../etc/passwd', "' OR 1=1 --", '${jndi:ldap://x}', '<script>alert(1)</script>', '%00', '%7B', 'undefined', 'null', 'NaN', '__proto__', 'toString', 'x'.repeat(5000)),
);

const numbers = fc.oneof(
  fc.constantFrom('0', '-0', '1', '-1', '1.0', '1e0', '1E+2', '0.1e1', '1.5', '5e-324', '999999999', '1000000000', '1000000001', '1e9', '1e10', '9007199254740991', '9007199254740992',
    '9007199254740993', '-9007199254740991', '18446744073709551616', '1e400', '-1e400', '1e-400', '0.00000000000000000001', '1'.repeat(400)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.bigInt().map(String),
  fc.integer({ min: 0, max: 2000 }).map(String),
);

const quoted = (text: fc.Arbitrary<string>) => text.map((value) => JSON.stringify(value));
const brackets = fc.tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.integer({ min: 1, max: 600 })).map(([[open = '', close = ''], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`);

/** Any JSON value, as text, and some that are none. */
const anyValue = fc.oneof(
  quoted(strings),
  numbers,
  fc.constantFrom('null', 'true', 'false', '[]', '{}', '[1]', '["1"]', '{"$gt":""}', '{"toString":"1"}', '{"__proto__":1}', '{"constructor":{"prototype":{}}}', '"\\ud800"', '"\\u0000"', '"\\u0031"'),
  fc.json({ maxDepth: 3 }),
  brackets,
  { weight: 1, arbitrary: fc.constantFrom('NaN', 'Infinity', 'undefined', "'1'", '01', '+1', '.5', '1.', '0x10', '1n', '"\n"', '"\\x31"', '') },
);

const goodValues: Record<string, fc.Arbitrary<string>> = {
  promotionId: fc.oneof(quoted(promotionIds), fc.integer({ min: 1, max: 99 }).map(String)),
  userId: fc.oneof(quoted(userIds), fc.integer({ min: 1, max: 99 }).map(String)),
  stock: fc.integer({ min: 0, max: 1_000_000_000 }).map(String),
  action: quoted(fc.constantFrom('restock', 'pause', 'resume', 'close', 'remove', 'PAUSE', 'toString')),
  quantity: fc.integer({ min: 1, max: 1_000_000_000 }).map(String),
  requestId: quoted(promotionIds),
};
const FIELDS: Record<RouteName, string[]> = {
  join: ['promotionId', 'userId'],
  status: ['promotionId', 'userId'],
  'init-stock': ['promotionId', 'stock'],
  info: ['promotionId'],
  control: ['promotionId', 'action', 'quantity', 'requestId'],
};

const strangeKeys = fc.oneof(
  quoted(strings),
  fc.constantFrom('"PROMOTIONID"', '"promotionId "', '"promotion\\u0049d"', '"constructor"', '"__proto__"', '"userId"', '"stock"', '"action"', 'promotionId', "'userId'"),
);

/** One member of the body: mostly right, else of the wrong type. */
const member = (field: string) =>
  fc.oneof({ weight: 9, arbitrary: goodValues[field] ?? anyValue }, { weight: 1, arbitrary: anyValue }).map((value) => `${JSON.stringify(field)}:${value}`);

const objects = (route: RouteName) =>
  fc
    .tuple(
      fc.tuple(...FIELDS[route].map((field) => fc.option(member(field), { freq: 15, nil: '' }))),
      fc.array(fc.tuple(strangeKeys, anyValue).map(([key, value]) => `${key}:${value}`), { maxLength: 2 }),
      fc.boolean(),
      fc.constantFrom('', '', '', ' ', '\n\t', '\ufeff', '\0'),
    )
    .map(([members, more, strangeFirst, space]) => {
      const known = members.filter((text) => text !== '');
      return `${space}{${(strangeFirst ? [...more, ...known] : [...known, ...more]).join(',')}}${space}`;
    });

/** Bytes of the body: JSON that is padded to about the limit, cut off, or no JSON at all. */
const bodies = (route: RouteName): fc.Arbitrary<Buffer | undefined> =>
  fc.oneof(
    { weight: 12, arbitrary: objects(route).map((text) => Buffer.from(text)) },
    { weight: 2, arbitrary: anyValue.map((text) => Buffer.from(text)) },
    { weight: 2, arbitrary: fc.tuple(objects(route), fc.integer({ min: 4090, max: 4100 }), fc.constantFrom(' ', '한')).map(([text, bytes, pad]) => padded(text, bytes, pad)) },
    { weight: 1, arbitrary: fc.tuple(objects(route), fc.nat({ max: 40 })).map(([text, cut]) => Buffer.from(text.slice(0, cut))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, Buffer.alloc(0), Buffer.from('['.repeat(100_000)), Buffer.alloc(5000, 0xff), Buffer.from('a=b&promotionId=1')) },
  );

/** Spaces behind the body, or characters of three bytes in a field that nobody knows. */
function padded(text: string, bytes: number, pad: string): Buffer {
  const missing = Math.max(0, bytes - Buffer.byteLength(text));
  if (pad === ' ') return Buffer.from(text + pad.repeat(missing));
  return Buffer.from(text.replace('{', `{"pad":"${pad.repeat(Math.floor(missing / 3))}",`));
}

const contentTypes = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/json;charset=utf-16', 'application/json ; x=y') },
  { weight: 1, arbitrary: fc.constantFrom(
      undefined, '', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/json', 'application/vnd.api+json', 'application/jsonl',
      'application/jsonp', 'application/json, text/plain', 'json', 'application/xml', '*/*',
    ) },
);

const percent = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const forms = fc.constantFrom<((text: string) => string)[]>(encodeURIComponent, encodeURIComponent, encodeURIComponent, percent, (text) => percent(text).toUpperCase());
/** Text that may stand in a request line; what may not is percent-encoded. */
const lineSafe = (text: string) => text.replaceAll(/[^!$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z{|}~]/gu, (character) => encodeURIComponent(character.toWellFormed()));

const parameter = (field: string) =>
  fc.tuple(forms, fc.oneof({ weight: 12, arbitrary: field === 'userId' ? userIds : promotionIds }, { weight: 2, arbitrary: strings.filter((text) => text.length < 200) })).chain(([form, value]) => {
    const right = `${field}=${form(value.toWellFormed())}`;
    const wrong = [
      field, `${field}=`, `${field}[]=1`, `${field}=1&${field}=2`, `${percent(field)}=1&${field}=1`,
      `${field.toUpperCase()}=1`, `${field}=${value}`, `${field}=%`, `${field}=%F`, `${field}=%ff%fe`, `${field}=a+b`, `${field}=1;x=2`, `?${field}=1`, `${field}=1#x`,
    ];
    return fc.oneof({ weight: 12, arbitrary: fc.constant(right) }, { weight: 2, arbitrary: fc.constantFrom(...wrong).map(lineSafe) });
  });
const queries = (route: RouteName) =>
  fc
    .tuple(
      fc.tuple(...FIELDS[route].map((field) => fc.option(parameter(field), { freq: 15, nil: '' }))),
      fc.constantFrom('', '', '', 'x=1&x=2', '&&', '__proto__=1', '=', '?', '%', 'promotionId', '%70romotionId=1'),
      fc.boolean(),
    )
    .map(([parameters, strange, first]) => {
      const known = parameters.filter((text) => text !== '');
      return (first ? [strange, ...known] : [...known, strange]).filter((text) => text !== '').join('&');
    });

/** Requests to every route, about half of them valid: a generator of nothing but rubbish would not notice what is refused wrongly. */
export const hostileRequests: fc.Arbitrary<RawRequest> = fc.constantFrom(...ROUTES).chain((route) =>
  methodOf(route) === 'GET'
    ? queries(route).map((query): RawRequest => ({ route, query, body: undefined, contentType: undefined }))
    : fc
        .tuple(fc.constantFrom('', 'promotionId=1&userId=2'), bodies(route), contentTypes)
        .map(([query, body, contentType]): RawRequest => ({ route, query, body, contentType })),
);
