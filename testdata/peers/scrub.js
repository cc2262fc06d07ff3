// Takes the options out of a pcapng file that tell of the machine (hardware, operating system): node scrub.js FILE
'use strict';
const fs = require('fs');
const name = process.argv[2];
const file = fs.readFileSync(name);
const out = [];
for (let at = 0; at < file.length; ) {
  const type = file.readUInt32LE(at);
  const length = file.readUInt32LE(at + 4);
  const block = file.subarray(at, at + length);
  // Section header: 24 fixed bytes before its options. Interface description: 16, whose if_os (12) and if_hardware (15) tell the same.
  out.push(type === 0x0a0d0d0a ? strip(block, 24, [2, 3]) : type === 1 ? strip(block, 16, [12, 15]) : block);
  at += length;
}
fs.writeFileSync(name, Buffer.concat(out));

function strip(block, fixed, codes) {
  const kept = [block.subarray(0, fixed)];
  for (let at = fixed; at < block.length - 4; ) {
    const code = block.readUInt16LE(at);
    const size = 4 + ((block.readUInt16LE(at + 2) + 3) & ~3);
    if (!codes.includes(code)) kept.push(block.subarray(at, at + size));
    at += size;
  }
  const body = Buffer.concat([...kept, Buffer.alloc(4)]);
  body.writeUInt32LE(body.length, 4);
  body.writeUInt32LE(body.length, body.length - 4);
  return body;
}
