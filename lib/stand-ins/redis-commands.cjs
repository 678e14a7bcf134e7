// Stands in for `@ioredis/commands` in the bundles. ioredis makes four methods of each of the 301 commands listed there, which takes
// 10 of the 38 ms of a cold start and 28 KB; here are those that the functions send and ioredis sends by itself.
// Of each: whether it only reads, whether a server that is loading answers it, and how far its keys reach (-1: to the end).
const READS = ['readonly'];
const ALWAYS = ['loading'];
const commands = {
  // By ioredis: to open a connection, to learn and follow the slots and who serves them, and to close.
  hello: { flags: ALWAYS, keyStop: 0 },
  auth: { flags: ALWAYS, keyStop: 0 },
  select: { flags: ALWAYS, keyStop: 0 },
  client: { flags: [], keyStop: 0 },
  readonly: { flags: ALWAYS, keyStop: 0 },
  readwrite: { flags: ALWAYS, keyStop: 0 },
  cluster: { flags: [], keyStop: 0 },
  asking: { flags: [], keyStop: 0 },
  quit: { flags: ALWAYS, keyStop: 0 },
  // By lambda/queue.
  ping: { flags: [], keyStop: 0 },
  info: { flags: ALWAYS, keyStop: 0 },
  eval: { flags: [], keyStop: 0 },
  evalsha: { flags: [], keyStop: 0 },
  eval_ro: { flags: READS, keyStop: 0 },
  evalsha_ro: { flags: READS, keyStop: 0 },
  multi: { flags: ALWAYS, keyStop: 0 },
  exec: { flags: ALWAYS, keyStop: 0 },
  exists: { flags: READS, keyStop: -1 },
  get: { flags: READS, keyStop: 1 },
  mget: { flags: READS, keyStop: -1 },
  hget: { flags: READS, keyStop: 1 },
  hmget: { flags: READS, keyStop: 1 },
  hlen: { flags: READS, keyStop: 1 },
  hscan: { flags: READS, keyStop: 1 },
  llen: { flags: READS, keyStop: 1 },
  scard: { flags: READS, keyStop: 1 },
  zcard: { flags: READS, keyStop: 1 },
  zrange: { flags: READS, keyStop: 1 },
};

const known = (name, fold) => commands[fold ? String(name).toLowerCase() : name];

exports.list = Object.keys(commands);
exports.exists = (name, options) => known(name, options?.caseInsensitive) !== undefined;
exports.hasFlag = (name, flag, options) => found(name, options).flags.includes(flag);
/** The places of the keys among the arguments: of a script as many as the second argument says. */
exports.getKeyIndexes = (name, args, options) => {
  const { keyStop } = found(name, options);
  const [start, end] = /^eval/i.test(name) ? [2, 2 + Number(args[1])] : [0, keyStop < 0 ? args.length : keyStop];
  return Array.from({ length: end - start }, (_, i) => start + i);
};

function found(name, options) {
  const command = known(name, options?.nameCaseInsensitive);
  if (command === undefined) throw new Error(`lib/stand-ins/redis-commands.cjs has no command ${name}: add it there.`);
  return command;
}
