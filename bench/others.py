"""Other servers: what stands behind, and those that are compared with."""

import base64
from pathlib import Path

from harness import SERVER_CORE, Server

# The server of what stands behind: it answers at once.
ANSWER = 'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}'
LUA = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
LUA_MODULES = (LUA.parent / "ndk_http_module.so", LUA)
# What a line of our log has, as far as nginx knows it. Lines are written together, as ours are.
LINE = """log_format line escape=json '{"time":"$time_iso8601","id":"$request_id","method":"$request_method","path":"$uri",'
                                '"status":$status,"client":"$remote_addr","key":"$http_x_api_key","took":$request_time}';"""
LOGGED = "access_log {log} line buffer=64k flush=1s;"


def nginx(name, core, folder, servers, modules=(), logs=()):
    """An nginx of one process."""
    folder.mkdir()
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        "".join(f"load_module {module};\n" for module in modules)
        + f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    {LINE} access_log off; {temporary}
    keepalive_requests 100000000; client_body_buffer_size 64k;
    {servers}
}}
"""
    )
    return Server(name, core, ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], logs=logs)


def lua(ports, upstream, secret, log):
    """nginx with the check in Lua: libcrypto's HMAC, and the signature compared; without a log and with one."""
    checked = """
        access_by_lua_block { if not is_signed() then ngx.exit(403) end }
        proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
    """
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    init_by_lua_block {{
        local ffi = require "ffi"
        ffi.cdef [[ const void *EVP_sha256(void); unsigned char *HMAC(const void *md, const char *key, int length,
                    const char *text, size_t bytes, unsigned char *out, unsigned int *made); ]]
        local crypto, out, made = ffi.load("libcrypto.so.3"), ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
        local secret, sha256 = "{secret}", crypto.EVP_sha256()
        function is_signed()
            local headers = ngx.req.get_headers()
            local time = headers["x-timestamp"]
            if not time or math.abs(ngx.time() - tonumber(time)) > 300 then return false end
            local text = ngx.req.get_method() .. "\\n" .. ngx.var.uri .. "\\n" .. time
            crypto.HMAC(sha256, secret, #secret, text, #text, out, made)
            return ngx.encode_base64(ffi.string(out, 32)) == headers["x-signature"]
        end
    }}
    server {{ listen 127.0.0.1:{ports["lua"]}; location / {{ {checked} }} }}
    server {{ listen 127.0.0.1:{ports["lua, log"]}; {LOGGED.format(log=log)} location / {{ {checked} }} }}
"""


def haproxy(folder, ports, upstream, secret, log):
    """HAProxy with the same check, without a log and with one, of which it writes each line by itself."""
    key = base64.b64encode(secret.encode()).decode()
    line = '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","id":"%[uuid]","method":"%HM","path":"%HP","status":%ST,"client":"%ci"'
    line += ',"key":"%[var(txn.key)]","took":%Tt}'
    frontend = lambda name, port, more="": f"""
frontend {name}
    bind 127.0.0.1:{port}
    http-request set-var-fmt(txn.text) "%[method]\\n%[path]\\n%[req.hdr(x-timestamp)]"
    http-request set-var(txn.mac) var(txn.text),hmac(sha256,{key}),base64
    http-request deny if !{{ req.hdr(x-signature),secure_memcmp(txn.mac) }}
    default_backend api{more}
"""
    logged = f"""
    http-request set-var(txn.key) req.hdr(x-api-key)
    log global
    log-format '{line}'"""
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
    nbthread 1
    maxconn 4096
    log stdout format raw local0
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
{frontend("plain", ports["haproxy"])}{frontend("logged", ports["haproxy, log"], logged)}
backend api
    server api 127.0.0.1:{upstream}
"""
    )
    return Server("HAProxy", SERVER_CORE, ["haproxy", "-db", "-f", str(config)], logs=[log], stdout=open(log, "ab"))


def envoy(program, folder, ports, ours, upstream):
    """Envoy without and with our check over gRPC."""
    def listener(name, filters):
        return f"""
    - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {ports[name]} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: {name}
                generate_request_id: false
                route_config: {{ virtual_hosts: [{{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: api }} }}] }}] }}
                http_filters:{filters}
                  - name: envoy.filters.http.router
                    typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}"""

    asks = """
                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      encode_raw_headers: true
                      grpc_service: { envoy_grpc: { cluster_name: check }, timeout: 5s }"""
    cluster = lambda name, port, more="": f"""
    - name: {name}{more}
      load_assignment: {{ cluster_name: {name}, endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }} }}] }}] }}"""
    http2 = """
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }"""
    config = folder / "envoy.yaml"
    config.write_text(
        f"static_resources:\n  listeners:{listener('envoy', '')}{listener('envoy asks', asks)}"
        f"\n  clusters:{cluster('api', upstream)}{cluster('check', ours.grpc, http2)}\n"
    )
    command = [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return Server("Envoy", SERVER_CORE, command)
