module sallyport.example/tlspeer

go 1.24
