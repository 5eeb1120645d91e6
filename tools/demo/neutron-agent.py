#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""In the agent's pod of neutron-facts, with Neutron's own code: its dnsmasq driver, its
metadata driver and its ProcessManager start, reload and end what they take for a dnsmasq
and a haproxy.

    neutron-agent.py start|reload|look|end [MAC IP]
    neutron-agent.py metadata       answers on the socket of Neutron's metadata agent
"""
import socketserver
import http.server
import sys

from neutron import privileged
from neutron.agent import dhcp_agent
from neutron.agent.linux import dhcp, external_process
from neutron.agent.metadata import driver as metadata
from neutron.common import config as common_config
from oslo_config import cfg

NETWORK = "7d0f6c52-3c0a-4a7e-8a0b-9a4c5d1e2f30"
SUBNET = "1b9a2d3c-5e6f-4a1b-8c2d-3e4f5a6b7c8d"
SOCKET = "/var/lib/neutron/metadata_proxy"


def configure():
    dhcp_agent.register_options(cfg.CONF)
    common_config.register_common_config_options()
    cfg.CONF(args=[], project="neutron", default_config_files=[])
    for name, value, group in (
            ("state_path", "/var/lib/neutron", None),
            ("interface_driver", "neutron.agent.linux.interface.NullDriver", None),
            ("metadata_proxy_socket", SOCKET, None),
            ("root_helper", "", "AGENT"),
            ("kill_scripts_path", "/opt", "AGENT")):
        cfg.CONF.set_override(name, value, group)
    # the agent is root in here and needs no helper to become it
    for context in vars(privileged).values():
        if hasattr(context, "set_client_mode"):
            context.set_client_mode(False)


class Devices:
    """The device that ip(8) has made stands for one of Open vSwitch."""
    class driver:
        bridged = True

    @staticmethod
    def update(network, interface):
        pass


class Plugin:
    @staticmethod
    def get_networks(*_args, **_kwargs):
        return []


def network(ports):
    subnet = {"id": SUBNET, "cidr": "10.9.1.0/24", "ip_version": 4, "enable_dhcp": True,
              "gateway_ip": "10.9.1.1", "dns_nameservers": [], "host_routes": [],
              "ipv6_address_mode": None, "ipv6_ra_mode": None, "network_id": NETWORK}
    return dhcp.NetModel({
        "id": NETWORK, "subnets": [subnet], "mtu": 1500, "tenant_id": "t",
        "ports": [{"id": "p%d" % i, "mac_address": mac, "device_owner": "compute:nova",
                   "device_id": "d", "network_id": NETWORK,
                   "fixed_ips": [{"subnet_id": SUBNET, "ip_address": ip}]}
                  for i, (mac, ip) in enumerate(ports)]})


class Metadata(http.server.BaseHTTPRequestHandler):
    """What Neutron's metadata agent sees of a call that its haproxy has passed on."""

    def do_GET(self):
        text = "%s %s\n" % (self.headers["X-Neutron-Network-ID"],
                            self.headers["X-Forwarded-For"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self):
        return "haproxy"


def main():
    step, ports = sys.argv[1], []
    if step == "metadata":
        with socketserver.ThreadingUnixStreamServer(SOCKET, Metadata) as server:
            server.serve_forever()
    if len(sys.argv) == 4:
        ports = [(sys.argv[2], sys.argv[3])]
    configure()
    monitor = external_process.ProcessMonitor(cfg.CONF, "dhcp")
    server = dhcp.Dnsmasq(cfg.CONF, network(ports), monitor, plugin=Plugin)
    server.device_manager = Devices
    proxy = metadata.MetadataDriver._get_metadata_proxy_process_manager(
        NETWORK, cfg.CONF, ns_name=server.network.namespace)
    if step == "start":
        server.interface_name = "tap0"
        server.spawn_process()
        metadata.MetadataDriver.spawn_monitored_metadata_proxy(
            monitor, server.network.namespace, 80, cfg.CONF, bind_address="10.9.1.1",
            network_id=NETWORK)
    elif step == "reload":
        server.reload_allocations()
    elif step == "end":
        metadata.MetadataDriver.destroy_monitored_metadata_proxy(
            monitor, NETWORK, cfg.CONF, server.network.namespace)
        server.disable(retain_port=True, block=True)
    print("dnsmasq", server.active, "haproxy", proxy.active)


main()
