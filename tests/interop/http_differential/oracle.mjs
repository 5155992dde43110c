// SPDX-License-Identifier: Apache-2.0
// Holds our readings (one JSON object a line on stdin, see differential.cc) against Node's own HTTP parser, llhttp.
import { createInterface } from 'node:readline';

process.removeAllListeners('warning').on('warning', () => {});  // the binding is deprecated; there is no other door to llhttp
const { HTTPParser } = process.binding('http_parser');
const kHeadBytesMax = 65536;

const kMethodNames = process.binding('http_parser').allMethods;
// llhttp refuses methods that it does not know; we let every token through.
const kKnownMethods = new Set(kMethodNames);

function parse(ours, bytes) {
  const parser = new HTTPParser();
  const kind = ours.request ? HTTPParser.REQUEST : HTTPParser.RESPONSE;
  parser.initialize(kind, {}, kHeadBytesMax);
  const read = { fields: [], body: [], heads: 0, ends: 0, url: '' };
  parser[HTTPParser.kOnHeaders] = (fields, url) => {
    if (read.heads !== 0) return;  // trailers: we drop them
    read.fields.push(...fields);
    read.url += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, fields, method, url, status, reason, upgrade, keepAlive) => {
    read.heads += 1;
    if (fields) read.fields.push(...fields);
    if (url) read.url += url;
    Object.assign(read, { major, minor, method, status, upgrade, keepAlive });
    return ours.askedHead ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (piece) => { read.body.push(Buffer.from(piece)); };
  parser[HTTPParser.kOnMessageComplete] = () => { read.ends += 1; };
  const used = parser.execute(bytes);
  read.error = used instanceof Error ? used.code + ' ' + (used.reason ?? '') : null;
  if (!read.error && ours.untilClose) {
    const end = parser.finish();
    if (end instanceof Error) read.error = end.code;
  }
  return read;
}

const latin1 = (hex) => Buffer.from(hex, 'hex').toString('latin1');

function targetDiffers(ours, url) {
  const target = latin1(ours.target);
  return ours.absolute ? !url.endsWith(target) && target !== '/' : url !== target;
}

function objection(ours) {
  const bytes = Buffer.from(ours.bytes, 'hex');
  if (ours.request && !kKnownMethods.has(latin1(ours.method))) return null;
  const read = parse(ours, bytes);
  if (read.error) return `refused: ${read.error}`;
  if (read.heads !== 1) return `${read.heads} heads`;
  if (read.ends !== 1) return `${read.ends} messages end`;
  const shorter = parse({ ...ours, untilClose: false }, bytes.subarray(0, bytes.length - 1));
  if (!ours.untilClose && shorter.ends !== 0) return 'ends one byte earlier';
  if (read.major !== 1 || read.minor !== (ours.http10 ? 0 : 1)) return 'version';
  if (ours.request && kMethodNames[read.method] !== latin1(ours.method)) return 'method';
  if (ours.request && targetDiffers(ours, read.url)) return `target ${read.url}`;
  if (!ours.request && read.status !== ours.status) return 'status';
  const fields = ours.fields.map(latin1);
  if (JSON.stringify(fields) !== JSON.stringify(read.fields)) return `fields ${JSON.stringify(read.fields)}`;
  if (Buffer.concat(read.body).toString('hex') !== ours.body) return `body ${Buffer.concat(read.body)}`;
  // llhttp says whether to keep the connection before it is told that an answer to HEAD has no body.
  const comparable = !ours.oldConnection && !ours.askedHead;
  if (comparable && ours.keepAlive && !read.keepAlive) return 'close';
  if (comparable && !ours.keepAlive && read.keepAlive && !ours.doubtfulClose) return 'keep-alive';
  if (ours.upgrade && !read.upgrade) return 'no upgrade';
  return null;
}

let count = 0;
let objections = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const ours = JSON.parse(line);
  count += 1;
  const why = objection(ours);
  if (why === null) continue;
  objections += 1;
  console.error(`llhttp: ${why}\n  message: ${JSON.stringify(latin1(ours.bytes))}`);
}
console.error(`llhttp ${process.versions.llhttp} objects to ${objections} of ${count} accepted messages`);
process.exit(objections === 0 && count > 0 ? 0 : 1);
