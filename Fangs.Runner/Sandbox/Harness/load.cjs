'use strict';
// Loads one file, then stays for a while so that its timers fire. Arguments: file, milliseconds.
const [file, linger] = process.argv.splice(2);
const { pathToFileURL } = require('node:url');
const report = error => {
  process.exitCode = 1;
  console.error('fangs import:', error && error.message ? String(error.message).split('\n')[0] : error);
};
setTimeout(() => process.exit(), Number(linger)); // also ends servers and intervals
process.on('uncaughtException', report);
try {
  require(file);
} catch (error) {
  if (error && (error.code === 'ERR_REQUIRE_ESM' || error.code === 'ERR_REQUIRE_ASYNC_MODULE' || error instanceof SyntaxError))
    import(pathToFileURL(file)).catch(report);
  else report(error);
}
