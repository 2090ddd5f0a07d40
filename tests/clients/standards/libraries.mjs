// What the libraries from npm sign, and what they say of what others signed. `request` is put in front of this.
const { library, method, url, headers, body, key, secret } = request

const answers = {
  async hawkSigns () {
    const { client } = (await import('@hapi/hawk')).default
    const credentials = { id: key, key: secret, algorithm: 'sha256' }
    const { payload, contentType, ext, app, dlg } = request
    return client.header(url, method, { credentials, payload, contentType, ext, app, dlg }).header
  },
  async hawkVerifies () {
    const { server } = (await import('@hapi/hawk')).default
    const { pathname, search, host } = new URL(url)
    const asked = { method, url: pathname + search, headers: { ...headers, host: host + ':443' } }
    const lookup = () => ({ id: key, key: secret, algorithm: 'sha256' })
    const { artifacts } = await server.authenticate(asked, lookup, { payload: body })
    return artifacts.id
  },
  async hawkBewit () {
    const { uri } = (await import('@hapi/hawk')).default
    return uri.getBewit(url, { credentials: { id: key, key: secret, algorithm: 'sha256' }, ttlSec: 300, ext: request.ext })
  },
  async messageSigns () {
    const { createSigner, httpbis } = await import('http-message-signatures')
    const signer = { ...createSigner(key, request.algorithm, request.keyid), alg: request.algorithm }
    const made = await httpbis.signMessage({ key: signer, fields: request.fields, params: request.params }, { method, url, headers })
    return made.headers
  },
  async messageVerifies () {
    const { createVerifier, httpbis } = await import('http-message-signatures')
    const verify = createVerifier(Buffer.from(secret), 'hmac-sha256')
    const keyLookup = async () => ({ id: key, algs: ['hmac-sha256'], verify })
    return await httpbis.verifyMessage({ keyLookup }, { method, url, headers })
  },
  async cavageSigns () {
    const { default: signature } = await import('http-signature')
    const { pathname, search } = new URL(url)
    const set = { ...headers }
    const asked = {
      method,
      path: pathname + search,
      getHeader: (name) => set[name.toLowerCase()],
      setHeader: (name, value) => { set[name.toLowerCase()] = value }
    }
    signature.signRequest(asked, { key: secret, keyId: key, algorithm: request.algorithm, headers: request.fields })
    return set
  },
  async cavageVerifies () {
    const { default: signature } = await import('http-signature')
    const { pathname, search } = new URL(url)
    const parsed = signature.parseRequest({ method, url: pathname + search, headers, httpVersion: '1.1' })
    return signature.verifyHMAC(parsed, secret)
  },
  async oauthSigns () {
    const { createHmac } = await import('node:crypto')
    const { default: OAuth } = await import('oauth-1.0a')
    const oauth = new OAuth({
      consumer: { key, secret },
      signature_method: 'HMAC-SHA256',
      hash_function: (text, key) => createHmac('sha256', key).update(text).digest('base64')
    })
    const made = oauth.authorize({ url, method, data: request.data }, request.token)
    return oauth.toHeader(made).Authorization
  },
  async webhookSigns () {
    const { Webhook } = await import('standardwebhooks')
    return new Webhook(secret).sign(request.id, new Date(request.at * 1000), body)
  },
  async webhookVerifies () {
    const { Webhook } = await import('standardwebhooks')
    new Webhook(secret).verify(body, headers)
    return true
  },
  async githubSigns () {
    const { sign } = await import('@octokit/webhooks-methods')
    return await sign(secret, body)
  },
  async githubVerifies () {
    const { verify } = await import('@octokit/webhooks-methods')
    return await verify(secret, body, request.signature)
  }
}

console.log(JSON.stringify(await answers[library]()))
