// What is asked of the reader: to confirm an order, and for the token.
import { partitionKey } from "./history.js";
import { html } from "./html.js";

const open = (dialog) => dialog?.isConnected && !dialog.open && dialog.showModal();
const close = (event) => event.currentTarget.closest("dialog").close();

const CONSEQUENCES = {
  "pause pipeline": "It reads no more. What is in flight is finished and committed; the lag grows until it is resumed.",
  "resume pipeline":
    "It reads on where it stands, in the partitions too that were paused one by one. One that has halted tries its record again.",
  "pause partition": "It is read no more. What is in flight is finished and committed; the others go on.",
  "resume partition": "It is read on where it stands. If it has halted, it tries its record again.",
};

const Confirm = ({ dialog, on }) => {
  const { name, verb, partition } = dialog;
  const what = partition ? `${partitionKey(partition)} of ${name}` : name;
  const submit = (event) => {
    event.preventDefault();
    close(event);
    on.order(name, verb, partition);
  };
  return html`<dialog ref=${open} onClose=${() => on.dismiss(dialog)} aria-labelledby="dialog-title">
    <form onSubmit=${submit}>
      <h2 id="dialog-title">${verb === "pause" ? "Pause" : "Resume"} <span class="name">${what}</span>?</h2>
      <p>${CONSEQUENCES[`${verb} ${partition ? "partition" : "pipeline"}`]}</p>
      <p class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button type="submit" class="main">${verb === "pause" ? "Pause" : "Resume"}</button>
      </p>
    </form>
  </dialog>`;
};

const Token = ({ dialog, on }) => {
  const submit = (event) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get("token").trim();
    if (token === "") return;
    close(event);
    on.token(token, dialog.retry);
  };
  return html`<dialog ref=${open} onClose=${() => on.dismiss(dialog)} aria-labelledby="dialog-title">
    <form onSubmit=${submit}>
      <h2 id="dialog-title">The server asks for its token</h2>
      <p class="reason">${dialog.reason}</p>
      <label>Token, the value of <code>admin.token</code>
        <input name="token" type="password" autocomplete="off" autofocus required /></label>
      <p class="quiet">It is kept for this tab, until it is closed.</p>
      <p class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button type="submit" class="main">Go on</button>
      </p>
    </form>
  </dialog>`;
};

export const Dialog = ({ dialog, on }) =>
  dialog && html`<${dialog.kind === "token" ? Token : Confirm} key=${dialog.id} dialog=${dialog} on=${on} />`;
