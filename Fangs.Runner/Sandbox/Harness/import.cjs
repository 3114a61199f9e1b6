'use strict';
// Loads every entry point of the installed package, each in a process of its own, and gives timers time to fire.
// Argument: JSON { package, project, loadMs, lingerMs }. Errors of the package are printed, not returned.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { package: name, project, loadMs, lingerMs } = JSON.parse(process.argv[2]);
const MAX_ENTRIES = 64;
const MAX_AT_A_TIME = 8;
const MAX_MANIFEST_BYTES = 4 << 20;
const CODE = new Set(['.js', '.cjs', '.mjs', '.node', '']);

const root = path.join(project, 'node_modules', ...name.split('/'));

function manifest() {
  const file = path.join(root, 'package.json');
  if (fs.statSync(file).size > MAX_MANIFEST_BYTES) throw new Error('package.json is too large');
  const parsed = JSON.parse(fs.readFileSync(file, 'utf8'));
  return parsed !== null && typeof parsed === 'object' ? parsed : {};
}

// Every file that some condition of `exports` names; `*` stands for the files that match.
function targets(node, found, depth) {
  if (depth > 16 || found.length >= 1024) return;
  if (typeof node === 'string') found.push(...expand(node));
  else if (node !== null && typeof node === 'object') for (const value of Object.values(node)) targets(value, found, depth + 1);
}

function expand(target) {
  const star = target.indexOf('*');
  if (star < 0) return [target];
  const before = target.slice(0, star);
  const after = target.slice(star + 1).replaceAll('*', '');
  const folder = path.join(root, before.slice(0, before.lastIndexOf('/') + 1));
  const matching = [];
  const walk = (directory, depth) => {
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
      if (matching.length >= 256) return;
      const full = path.join(directory, entry.name);
      const shown = './' + path.relative(root, full);
      if (entry.isDirectory() && entry.name !== 'node_modules' && depth < 8) walk(full, depth + 1);
      else if (entry.isFile() && shown.startsWith(before) && shown.endsWith(after)) matching.push(shown);
    }
  };
  try { walk(folder, 0); } catch { /* the pattern's folder does not exist */ }
  return matching;
}

function inside(file) {
  const full = path.resolve(root, file);
  return full.startsWith(root + path.sep) || full === root ? full : null;
}

function entries() {
  const described = manifest();
  const seen = new Set();
  const list = [];
  const add = (label, kind, file) => {
    if (!file) return;
    let real;
    try { real = fs.realpathSync(file); } catch { return; }
    if (seen.has(kind + real) || !fs.statSync(real).isFile()) return;
    if (kind === 'load' && !CODE.has(path.extname(real))) return;
    seen.add(kind + real);
    list.push({ label, kind, file });
  };
  try { add('main', 'load', require.resolve(name, { paths: [project] })); } catch { /* no main, or only for import: below */ }
  for (const field of ['main', 'module', 'browser']) if (typeof described[field] === 'string') add(field, 'load', inside(described[field]));
  const exported = [];
  targets(described.exports, exported, 0);
  for (const target of exported) add('exports ' + target, 'load', inside(target));
  const bins = typeof described.bin === 'string' ? { [name.split('/').pop()]: described.bin } : described.bin;
  if (bins !== null && typeof bins === 'object')
    for (const [bin, file] of Object.entries(bins)) if (typeof file === 'string') add('bin ' + bin, 'bin', inside(file));
  return list;
}

function run(entry) {
  return new Promise(resolve => {
    const [program, args] = entry.kind === 'bin'
      ? [entry.file, ['--help']]
      : [process.execPath, ['/.fangs/load.cjs', entry.file, String(lingerMs)]];
    let child;
    const end = text => { clearTimeout(limit); process.stdout.write(`fangs import: ${entry.label}: ${text}\n`); resolve(); };
    const kill = () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* ended meanwhile */ } };
    const limit = setTimeout(kill, loadMs + lingerMs);
    try {
      child = spawn(program, args, { cwd: project, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
    } catch (error) { end(error.message); return; }
    child.on('error', error => end(error.message));
    child.on('exit', (code, signal) => end(signal ? 'ended by ' + signal : 'exit ' + code));
  });
}

async function main() {
  let list;
  try { list = entries(); } catch (error) { process.stdout.write(`fangs import: ${error.message}\n`); return; }
  if (list.length === 0) process.stdout.write('fangs import: no entry point\n');
  if (list.length > MAX_ENTRIES) process.stdout.write(`fangs import: ${list.length - MAX_ENTRIES} further entry points are left out\n`);
  const queue = list.slice(0, MAX_ENTRIES);
  await Promise.all(Array.from({ length: MAX_AT_A_TIME }, async () => { while (queue.length > 0) await run(queue.shift()); }));
}

main();
