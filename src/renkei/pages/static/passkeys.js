// パスキー: a form with data-passkey asks the browser's authenticator first, and is sent with its answer.
// data-question: where the question comes from; data-passkey: "get" to show a passkey, "create" to make one.
"use strict";

(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const read = (asked) => {
    asked.challenge = bytes(asked.challenge);
    if (asked.user) asked.user.id = bytes(asked.user.id);
    for (const list of [asked.excludeCredentials, asked.allowCredentials]) {
      for (const one of list || []) one.id = bytes(one.id);
    }
    return asked;
  };

  const said = (credential) => {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
  };

  const ask = async (form) => {
    const token = form.elements.form_token.value;
    const answer = await fetch(form.dataset.question, {
      method: "POST",
      body: new URLSearchParams({ form_token: token }),
      credentials: "same-origin",
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const publicKey = read(await answer.json());
    const make = form.dataset.passkey === "create";
    const credential = await (make ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    form.elements.answer.value = JSON.stringify(said(credential));
    form.submit();
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      const failed = form.querySelector("[role=alert]");
      failed.hidden = true;
      button.disabled = true;
      ask(form).catch(() => {
        failed.hidden = false;
        button.disabled = false;
      });
    });
  }
})();
