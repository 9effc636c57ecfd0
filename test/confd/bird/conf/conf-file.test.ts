/** conf.d files: every field, its default, and what is wrong with it. */
import { describe, expect, it } from 'vitest';
import { readConf } from '../../../../src/confd/bird/conf/conf-file.ts';

const FULL = `[template]
src = "bird.cfg.template"
dest = "/etc/bird/bird.cfg"
prefix = "/calico/bgp/v1"
keys = ["/host//NODENAME", "/global"]
check_cmd = "bird -p -c {{src}}"
reload_cmd = "pkill -HUP bird || true"
mode = "0640"
uid = 0
gid = 10
`;

it('reads every field', () => {
  expect(readConf('a.toml', FULL, 'node-1')).toEqual({
    name: 'a.toml',
    src: 'bird.cfg.template',
    dest: '/etc/bird/bird.cfg',
    prefix: '/calico/bgp/v1',
    keys: ['/calico/bgp/v1/host/node-1', '/calico/bgp/v1/global'],
    checkCommand: 'bird -p -c {{src}}',
    reloadCommand: 'pkill -HUP bird || true',
    mode: 0o640,
    uid: 0,
    gid: 10,
  });
});

it('has defaults', () => {
  const conf = readConf('a.toml', '[template]\nsrc = "a"\ndest = "b"\n', 'n');
  expect(conf).toMatchObject({ prefix: '/', keys: ['/'], checkCommand: undefined, mode: undefined, uid: undefined });
});

describe('what is wrong', () => {
  it.each([
    ['src = "a"', 'there is no [template]'],
    ['[template]\ndest = "b"', 'src is missing'],
    ['[template]\nsrc = "a"\ndest = ""', 'dest is missing'],
    ['[template]\nsrc = "a"\ndest = "b"\nmode = 420', 'mode is not a string'],
    ['[template]\nsrc = "a"\ndest = "b"\nmode = "rw"', 'mode is not an octal mode'],
    ['[template]\nsrc = "a"\ndest = "b"\nuid = -1', 'uid is not a whole number'],
    ['[template]\nsrc = "a"\ndest = "b"\nkeys = "x"', 'keys is not a list of strings'],
    ['[template]\nsrc = "a"\ndest = "b"\nreload = "x"', 'reload is no field'],
    ['[template\n', 'a.toml:1:'],
  ])('%j', (text, why) => {
    expect(() => readConf('a.toml', text, 'n')).toThrow(why);
  });
});
