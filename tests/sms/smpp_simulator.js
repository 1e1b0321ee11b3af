// An SMS centre that takes every text and reports on it: DELIVRD, or UNDELIV for numbers that end with 9.
// Prints one JSON line per part that it got. Usage: node smpp_simulator.js FOLDER_WITH_NODE_MODULES
const smpp = require(require.resolve("smpp", { paths: [process.argv[2]] }));
let count = 0;
const server = smpp.createServer((session) => {
  session.on("bind_transceiver", (pdu) => session.send(pdu.response()));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response(), () => session.close()));
  session.on("error", () => {});
  session.on("submit_sm", (pdu) => {
    const id = String(++count);
    session.send(pdu.response({ message_id: id }));
    const part = pdu.short_message;
    const line = {
      to: pdu.destination_addr,
      from: pdu.source_addr,
      coding: pdu.data_coding,
      udh: part.udh ? Buffer.concat([].concat(part.udh)).toString("hex") : "",
      text: part.message.toString(),
    };
    process.stdout.write(JSON.stringify(line) + "\n");
    if (!pdu.registered_delivery) return;
    const stat = pdu.destination_addr.endsWith("9") ? "UNDELIV" : "DELIVRD";
    session.send(new smpp.PDU("deliver_sm", {
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611241000 done date:2611241000 stat:${stat} err:000 text:`,
    }));
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(JSON.stringify({ port: server.address().port }) + "\n"));
