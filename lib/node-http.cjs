// Stands in for `node:http` in the bundles: an ES import of it reads every export, among them getters that load Node's whole fetch
// implementation, and so adds 18 ms to a cold start of 61 ms. Asked for as a built-in module, it loads only what is used.
module.exports = process.getBuiltinModule('node:http');
