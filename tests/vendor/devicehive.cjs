// The vendor's own client with its defaults: logs in, creates its session token, reads, sends a command, and renews when its token ends.
const DeviceHive = require('devicehive');

const [base, login, password] = process.argv.slice(2);

async function main() {
  const hive = new DeviceHive({
    mainServiceURL: `${base}api/rest`, authServiceURL: `${base}auth/rest`, pluginServiceURL: `${base}plugin/rest`, login, password,
  });
  await hive.connect();
  const first = hive.accessToken;
  const devices = await hive.device.list(new DeviceHive.models.query.DeviceListQuery());
  const device = await hive.device.get('device-a');
  const command = await hive.command.insert('device-a', new DeviceHive.models.Command({ command: 'blink', parameters: { times: 3 } }));

  // Reads on until the token has ended and the client has renewed by itself.
  const until = Date.now() + 20000;
  let reads = 0;
  while (hive.accessToken === first && Date.now() < until) {
    await hive.device.get('device-a');
    reads++;
    await new Promise(resolve => setTimeout(resolve, 20));
  }

  const after = await hive.device.get('device-a');
  console.log(JSON.stringify({
    devices: devices.map(found => found.id).sort(), device: device.id, command: command.id, renewed: hive.accessToken !== first, after: after.id, reads,
  }));
  process.exit(0);
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
