sallyport_fuzz(NAME net_proxy_header DEPS net)
