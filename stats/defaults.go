package stats

import "time"

// Default is the time limit that a product has unless its configuration says
// otherwise. A measured time that fits makes the product a candidate, nothing more.
type Default struct {
	Product string
	Setting string // name of the setting, "" when it cannot be changed
	Limit   time.Duration
}

// silenceDefaults returns limits on how long a connection may be silent.
func silenceDefaults() []Default {
	return []Default{
		// https://learn.microsoft.com/aspnet/core/signalr/configuration (ClientTimeoutInterval)
		{"SignalR", "ClientTimeoutInterval", 30 * time.Second},
		// https://jetty.org/docs/jetty/12/programming-guide/server/websocket.html (30 s since Jetty 10)
		{"Jetty", "idleTimeout", 30 * time.Second},
		// /etc/haproxy/haproxy.cfg as Debian and Ubuntu ship it: timeout client 50000, timeout server 50000
		{"haproxy as Debian ships it", "timeout tunnel, timeout client, timeout server", 50 * time.Second},
		// https://devcenter.heroku.com/articles/http-routing#timeouts
		{"Heroku", "", 55 * time.Second},
		// https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout
		{"nginx", "proxy_read_timeout", 60 * time.Second},
		// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
		{"AWS ALB", "idle_timeout.timeout_seconds", 60 * time.Second},
		// https://httpd.apache.org/docs/2.4/mod/core.html#timeout, which mod_proxy_wstunnel goes by
		{"Apache httpd", "ProxyTimeout, Timeout", 60 * time.Second},
		// https://developers.cloudflare.com/fundamentals/reference/connection-limits/
		{"Cloudflare", "", 100 * time.Second},
		// https://learn.microsoft.com/iis/configuration/system.applicationhost/sites/site/limits (connectionTimeout)
		{"IIS", "connectionTimeout", 2 * time.Minute},
		// https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout
		{"Azure Load Balancer and App Service", "idle timeout", 4 * time.Minute},
		// https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts (stream_idle_timeout)
		{"Envoy and Istio", "stream_idle_timeout", 5 * time.Minute},
		// https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout
		{"AWS NLB and NAT gateway", "tcp.idle_timeout.seconds", 350 * time.Second},
		// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
		{"AWS API Gateway", "", 10 * time.Minute},
		// https://cloud.google.com/compute/docs/troubleshooting/general-tips (idle connections of a VPC)
		{"Google Cloud's VPC firewall", "", 10 * time.Minute},
		// https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts (idle_timeout of the TCP proxy); the
		// value of timeout tunnel in haproxy's own documentation
		{"Envoy's TCP proxy", "idle_timeout", time.Hour},
		{"haproxy by its manual's example", "timeout tunnel", time.Hour},
	}
}

// lifetimeDefaults returns limits on how long a connection may last, busy or not.
func lifetimeDefaults() []Default {
	return []Default{
		// https://cloud.google.com/load-balancing/docs/backend-service#timeout-setting: for a WebSocket it counts from
		// the beginning
		{"Google Cloud load balancing", "backend service timeout", 30 * time.Second},
		// https://cloud.google.com/run/docs/configuring/request-timeout
		{"Cloud Run", "request timeout", 5 * time.Minute},
		// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
		{"AWS API Gateway", "", 2 * time.Hour},
	}
}

// candidates returns the defaults that d fits. Timers fire late rather than early,
// but nginx allows one to be up to 0.3 s early.
func candidates(d time.Duration, of []Default) (fit []Default) {
	for _, c := range of {
		slack := max(c.Limit/100, 350*time.Millisecond)
		if d >= c.Limit-slack && d <= c.Limit+slack {
			fit = append(fit, c)
		}
	}
	return fit
}
