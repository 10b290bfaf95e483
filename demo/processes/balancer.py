"""nginx before several processes of the page: it keeps each visitor with the process that knows the session."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from string import Template

COOKIE = "safeclip_process"
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")  # where a package puts it, beside PATH
# Connections to the processes end here first: uvicorn ends them after 5 s, and a question sent just then would be lost.
_KEPT = ("keepalive 64;", "keepalive_timeout 2s;")


class _Text(Template):
    """A configuration, in which $names are nginx's and %{names} are ours."""

    delimiter = "%"


# A browser gets the cookie with the page, from one process after the other; programs keep no cookies, and are told
# apart by their address. A process that is gone is replaced by another, whose sessions begin anew.
_CONFIGURATION = _Text("""
daemon off;
pid %{folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_max_body_size %{upload}m;
  client_body_temp_path %{folder}/body;
  proxy_temp_path %{folder}/proxy;
  fastcgi_temp_path %{folder}/fastcgi;
  uwsgi_temp_path %{folder}/uwsgi;
  scgi_temp_path %{folder}/scgi;

  map $http_x_forwarded_for $visitor { "" $remote_addr; default $http_x_forwarded_for; }
  map $http_x_forwarded_proto $scheme_outside { "" $scheme; default $http_x_forwarded_proto; }
  map $http_x_forwarded_host $host_outside { "" $http_host; default $http_x_forwarded_host; }
  map $scheme_outside $in_frames { https "SameSite=None; Secure; Partitioned"; default "SameSite=Lax"; }
  map $uri $newcomer { / in_turn; default by_visitor; }
  map $cookie_%{cookie} $process { default $newcomer; %{known} }
  map $upstream_addr $number { %{numbers} }

  upstream in_turn { %{servers} }
  upstream by_visitor { hash $visitor consistent; %{servers} }
  %{upstreams}

  server {
    listen %{host}:%{port} backlog=4096;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 1h;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $visitor;
    proxy_set_header X-Forwarded-Proto $scheme_outside;
    proxy_set_header X-Forwarded-Host $host_outside;
    location / { proxy_pass http://$process; }
    location = / {
      proxy_pass http://$process;
      add_header Set-Cookie "%{cookie}=$number; Path=/; HttpOnly; $in_frames";
    }
  }
}
""")


def find_nginx() -> str | None:
    """The path of nginx, or None where it is not installed."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES]))


def configuration(host: str, port: int, pages: Sequence[int], folder: Path, max_upload_mb: int) -> str:
    """The configuration of an nginx at `host` and `port` before processes at the ports `pages` of this machine.

    `folder` holds its temporary files.
    """
    names = [f"process{number}" for number in range(len(pages))]
    servers = [f"server 127.0.0.1:{page} max_fails=1 fail_timeout=2s;" for page in pages]
    upstreams = [f"upstream {name} {{ {' '.join(_first(servers, i))} }}" for i, name in enumerate(names)]
    return _CONFIGURATION.substitute(
        folder=folder,
        upload=max_upload_mb + 1,  # a form is larger than the file in it; the page itself refuses what is too large
        cookie=COOKIE,
        host=f"[{host}]" if ":" in host else host,
        port=port,
        known=" ".join(f"{number} {name};" for number, name in enumerate(names)),
        numbers=" ".join(f"~:{page}$ {number};" for number, page in enumerate(pages)),  # the last that was tried
        servers=" ".join([*servers, *_KEPT]),
        upstreams="\n  ".join(upstreams),
    )


def _first(servers: Sequence[str], own: int) -> list[str]:
    """The lines of an upstream whose server is number `own`; the others answer while that one is gone."""
    others = [server.replace(";", " backup;") for i, server in enumerate(servers) if i != own]
    return [servers[own], *others, *_KEPT]
