// Runs before every npm script: plain JavaScript, so that an old Node can still read it and say what is wrong.
const NODE_MAJOR_MIN = 24;
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  console.error(
    `This needs Node ${NODE_MAJOR_MIN} or newer and found ${process.versions.node}. ` +
      'Run it through npm (`npm start`, `npm test`) after `npm ci` without --ignore-scripts, which installs the right Node beside the project.',
  );
  process.exit(1);
}
