sallyport_fuzz(NAME audit_line DEPS audit)
