// JsSIP and SIP.js behind one form, so that a test can drive either: register, call, be called, press keys, hold, hang up.

import JsSIP from 'jssip';
import * as SIP from 'sip.js';

const seen = [];
const tell = (what) => seen.push(what);
const audio = () => {
  const element = new Audio();
  // Where the test listens.
  element.id = 'voice';
  element.autoplay = true;
  document.body.append(element);
  return element;
};

function jssip({ socket, user, password, host }) {
  const ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(socket)],
    uri: `sip:${user}@${host}`,
    password,
    register: true,
  });
  let session;
  const play = (connection) => {
    const ear = audio();
    connection.addEventListener('track', (event) => { ear.srcObject = event.streams[0] ?? new MediaStream([event.track]); });
  };
  const options = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
  ua.on('registered', () => tell('registered'));
  ua.on('registrationFailed', (event) => tell(`not registered: ${event.cause}`));
  ua.on('newRTCSession', (event) => {
    session = event.session;
    session.on('confirmed', () => tell('confirmed'));
    session.on('ended', () => tell('ended'));
    session.on('failed', (failure) => tell(`failed: ${failure.cause}`));
    if (session.direction === 'incoming') {
      session.on('peerconnection', ({ peerconnection }) => play(peerconnection));
      session.answer(options);
    }
  });
  ua.start();
  return {
    call: (target) => { session = ua.call(target, options); play(session.connection); },
    hold: () => new Promise((done) => session.hold({}, () => done(true))),
    resume: () => new Promise((done) => session.unhold({}, () => done(true))),
    press: (key) => session.sendDTMF(key, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833 }),
    hangUp: () => session.terminate(),
  };
}

function sipjs({ socket, user, password, host }) {
  let session;
  const watch = (made) => {
    session = made;
    session.stateChange.addListener((state) => {
      if (state === SIP.SessionState.Established) {
        const connection = session.sessionDescriptionHandler.peerConnection;
        const ear = audio();
        ear.srcObject = new MediaStream(connection.getReceivers().map((receiver) => receiver.track));
        tell('confirmed');
      }
      if (state === SIP.SessionState.Terminated) tell('ended');
    });
  };
  const options = { constraints: { audio: true, video: false } };
  const ua = new SIP.UserAgent({
    uri: SIP.UserAgent.makeURI(`sip:${user}@${host}`),
    transportOptions: { server: socket },
    authorizationUsername: user,
    authorizationPassword: password,
    logLevel: 'error',
    sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    delegate: {
      onInvite: (invitation) => {
        watch(invitation);
        invitation.accept({ sessionDescriptionHandlerOptions: options });
      },
    },
  });
  const offerAgain = (hold) => new Promise((done) => {
    const requestDelegate = { onAccept: () => done(true), onReject: ({ message }) => done(`refused: ${message.statusCode}`) };
    session.invite({ requestDelegate, sessionDescriptionHandlerOptions: { ...options, hold } }).catch((error) => done(`${error}`));
  });
  const registerer = new SIP.Registerer(ua);
  registerer.stateChange.addListener((state) => {
    if (state === SIP.RegistererState.Registered) tell('registered');
  });
  ua.start().then(() => registerer.register());
  return {
    call: (target) => {
      const inviter = new SIP.Inviter(ua, SIP.UserAgent.makeURI(target), { sessionDescriptionHandlerOptions: options });
      watch(inviter);
      inviter.invite({ requestDelegate: { onReject: (response) => tell(`failed: ${response.message.statusCode}`) } });
    },
    hold: () => offerAgain(true),
    resume: () => offerAgain(false),
    press: (key) => {
      const body = { contentDisposition: 'render', contentType: 'application/dtmf-relay', content: `Signal=${key}\r\nDuration=160` };
      return session.info({ requestOptions: { body } }).then(() => true);
    },
    hangUp: () => session.bye(),
  };
}

window.clients = { jssip, sipjs, seen };
