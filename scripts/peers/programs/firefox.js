// The preferences of a Firefox that shows one page and asks the world for nothing.
// The client certificate, if there is one, is presented without a question.
user_pref('security.default_personal_cert', 'Select Automatically');

// Whatever is not on this machine goes to a proxy that is not there.
user_pref('network.proxy.type', 1);
user_pref('network.proxy.http', '127.0.0.1');
user_pref('network.proxy.http_port', 9);
user_pref('network.proxy.ssl', '127.0.0.1');
user_pref('network.proxy.ssl_port', 9);
user_pref('network.proxy.allow_bypass', false);
user_pref('network.proxy.failover_direct', false);
user_pref('network.trr.mode', 5);
user_pref('network.dns.disablePrefetch', true);
// Every connection is for the page: one made beforehand has no client certificate.
user_pref('network.http.speculative-parallel-limit', 0);

user_pref('app.normandy.enabled', false);
user_pref('app.update.auto', false);
user_pref('browser.aboutwelcome.enabled', false);
user_pref('browser.region.update.enabled', false);
user_pref('browser.safebrowsing.downloads.remote.enabled', false);
user_pref('browser.safebrowsing.malware.enabled', false);
user_pref('browser.safebrowsing.phishing.enabled', false);
user_pref('browser.search.update', false);
user_pref('browser.shell.checkDefaultBrowser', false);
user_pref('browser.topsites.contile.enabled', false);
user_pref('datareporting.policy.dataSubmissionEnabled', false);
user_pref('dom.push.enabled', false);
user_pref('extensions.update.enabled', false);
user_pref('media.gmp-manager.updateEnabled', false);
user_pref('network.captive-portal-service.enabled', false);
user_pref('network.connectivity-service.enabled', false);
user_pref('security.OCSP.enabled', 0);
user_pref('services.settings.server', 'data:,');
user_pref('toolkit.telemetry.enabled', false);
user_pref('toolkit.telemetry.server', '');
