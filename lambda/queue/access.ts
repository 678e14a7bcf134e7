import { drainRunKey, keysOf, ownKeys, PROMOTIONS_KEY } from './keys.ts';

/**
 * Who may do what in Redis: for each function the commands that it and its scripts call, each with the keys that they are called on. The
 * stack hands these to ElastiCache as the access strings of one user per function; a test runs everything that a function does with
 * them, on a real Redis, and finds none that is missing and none too many.
 *
 * Redis asks twice: whether the function may run a script on the keys that it declares (for which it must be allowed to read and write them, whatever
 * the script does), and, for each command inside, whether it may call that on those keys. Each line below is thus a permission of its own (what
 * Redis calls a selector): join may run scripts on the stock and GET it, but SETRANGE only statuses.
 */

/**
 * Any key of a kind. The pattern ends behind the brace that opens the promotion's id: to match the one that closes it, Redis would try
 * each character of every key, 0.5 µs in a join of 7.8.
 */
const anyPromotion = (key: string) => key.replace(/\{.*/, '{*');

const any = keysOf('P');
const waitingQueue = anyPromotion(any.waitingQueue);
const processing = anyPromotion(any.processing);
const userStatus = anyPromotion(any.userStatusPrefix);
const stock = anyPromotion(any.stock);
const promotion = anyPromotion(any.promotion);
const lease = anyPromotion(any.lease);
const soldOutQueue = anyPromotion(any.soldOutQueue);
const restockRequests = anyPromotion(any.restockRequests);
const own = ownKeys('P').map(anyPromotion);
const drainRun = drainRunKey(0).replace(/0$/, '*');

const reads = (key: string) => `%R~${key}`;
const writes = (key: string) => `%W~${key}`;
const readsAndWrites = (key: string) => `~${key}`;

/** Commands that may be called on these keys, and on no others. */
const may = (commands: string, ...keys: string[]) => `(${[...commands.split(' ').map((command) => `+${command}`), ...keys].join(' ')})`;

/** Scripts may be run that declare any of these keys. */
const mayRunScriptsOn = (...keys: string[]) => may('eval evalsha', ...keys.map(readsAndWrites));
const mayRunReadingScriptsOn = (...keys: string[]) => may('eval_ro evalsha_ro', ...keys.map(reads));

/** An access string: commands without keys, and selectors. What ioredis sends to find, and to follow, the slots of a cluster is everybody's. */
const access = (keyless: string[], ...selectors: string[]) =>
  ['on', '-@all', ...['cluster|slots', 'asking', ...keyless].map((command) => `+${command}`), ...selectors].join(' ');

/** The access string of each function, by its name. */
export const accessStrings = {
  join: access(
    [],
    mayRunScriptsOn(waitingQueue, stock, promotion, userStatus),
    may('hmget', reads(promotion)),
    may('get', reads(userStatus), reads(stock)),
    may('rpush', writes(waitingQueue)),
    may('hset', writes(promotion)),
    may('setrange', writes(userStatus)),
  ),
  status: access(
    ['multi', 'exec'],
    mayRunReadingScriptsOn(promotion),
    may('hmget', reads(promotion)),
    may('get', reads(userStatus)),
    may('llen', reads(waitingQueue)),
  ),
  'init-stock': access(
    ['time'],
    mayRunScriptsOn(...own, PROMOTIONS_KEY),
    may('zadd', writes(PROMOTIONS_KEY)),
    may('hmget hlen', reads(promotion)),
    may('get', reads(stock)),
    may('llen', reads(waitingQueue), reads(soldOutQueue)),
    may('scard', reads(processing)),
    may('zcard', reads(lease)),
    may('hset', writes(promotion)),
    may('set', writes(stock)),
  ),
  info: access(
    ['multi', 'exec'],
    mayRunReadingScriptsOn(promotion),
    may('hmget hlen', reads(promotion)),
    may('get', reads(stock)),
    may('llen', reads(waitingQueue)),
    may('scard', reads(processing)),
  ),
  control: access(
    [],
    mayRunScriptsOn(...own),
    may('hmget hlen', reads(promotion)),
    may('get', reads(stock)),
    may('llen', reads(waitingQueue)),
    may('scard', reads(processing)),
    may('sismember', reads(restockRequests)),
    may('hset', writes(promotion)),
    may('set', writes(stock)),
    may('sadd', writes(restockRequests)),
  ),
  'drain-loop': access(
    ['ping', 'info', 'time', 'multi', 'exec'],
    mayRunScriptsOn(...own, PROMOTIONS_KEY, drainRun),
    // the gauges
    mayRunReadingScriptsOn(promotion),
    // drain, sweep
    may('hmget hget hlen hrandfield', reads(promotion)),
    may('get', reads(stock)),
    may('exists', ...[waitingQueue, processing, lease, soldOutQueue].map(reads)),
    may('llen lrange', reads(waitingQueue), reads(soldOutQueue)),
    may('scard', reads(processing)),
    may('zcard zrangebyscore', reads(lease)),
    may('mget', reads(userStatus)),
    may('ltrim', writes(waitingQueue), writes(soldOutQueue)),
    may('rename', readsAndWrites(waitingQueue), writes(soldOutQueue)),
    may('hset hdel', writes(promotion)),
    may('mset', writes(userStatus)),
    may('sadd', writes(processing)),
    may('zadd zrem', writes(lease)),
    // retire
    may('del', ...own.map(writes), writes(userStatus)),
    // begin-run, beat
    may('hincrby', readsAndWrites(drainRun)),
    may('hmget', reads(drainRun)),
    may('hset', writes(drainRun)),
    // the promotions that it visits
    may('zrange zscore', reads(PROMOTIONS_KEY)),
    may('zrem', writes(PROMOTIONS_KEY)),
  ),
  issuer: access(
    [],
    mayRunScriptsOn(...own),
    may('smismember', reads(processing)),
    may('get', reads(stock)),
    may('zcard', reads(lease)),
    may('mget', reads(userStatus)),
    may('decrby', readsAndWrites(stock)),
    may('mset', writes(userStatus)),
    may('srem', writes(processing)),
    may('zrem', writes(lease)),
  ),
};

/**
 * Of who exports the winners, which no function does: may read statuses and tickets, and no line. Not deployed; an operator makes such a user when
 * it is needed.
 */
export const winnersAccessString = access(
  ['multi', 'exec'],
  mayRunReadingScriptsOn(promotion),
  may('hmget hscan', reads(promotion)),
  may('get', reads(stock)),
  may('scard', reads(processing)),
  may('mget', reads(userStatus)),
);
